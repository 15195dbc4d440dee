"""Support desks on the Assistants API, each wired up as applications of 2023 to 2025 were. None knows the emulator."""
