"""From files of others to a map folder: read, clip, cut, smooth, order."""
