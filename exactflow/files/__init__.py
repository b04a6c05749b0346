"""Files: matrices and arrays read, certificates and layers written, flows for other systems."""
