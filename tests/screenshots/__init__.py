"""Pictures of the faces in their main states: `make screenshots` writes docs/img anew."""
