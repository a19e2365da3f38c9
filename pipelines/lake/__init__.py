"""The lake: one consistent, versioned set of Arrow tables on a disk or an object store."""
