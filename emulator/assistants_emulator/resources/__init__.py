"""The API's resources: what each operation does to stored objects, and its route rows."""
