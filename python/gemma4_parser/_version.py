"""The version: that of the workspace in `Cargo.toml`, said once more because a package must know it without files."""

__version__ = "0.1.0"
