"""The inspector: an emulator's objects as pages for people, below `/_emulator/`. All pages but the playground work
without JavaScript, and nothing is fetched from elsewhere."""
