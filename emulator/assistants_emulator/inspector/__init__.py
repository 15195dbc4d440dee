"""The inspector: what is in the emulator, as pages for people, below `/_emulator/`. Nothing is shown by script alone
but the playground, and nothing is fetched from elsewhere."""
