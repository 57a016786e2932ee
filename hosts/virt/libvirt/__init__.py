"""The libvirt driver: the only package of Godwit that imports libvirt."""
