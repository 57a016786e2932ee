"""Wall displays: screens that only show. What a link reaches is this package's page and its socket, nothing else.

rotation (which scene, when) > scenes (what each reads) > paint (one frame for all who show the same) > hub (one beat a
second) > consumer (a screen's socket). door keeps cookies and addresses out of it; pages are for administrators.
"""
