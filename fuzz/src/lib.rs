//! Fuzz targets for every parser of bytes from outside.
