/**
 * Zips, read from wherever their bytes lie, by ranges: the directory at the end first, then single entries.
 *
 * Promises: memory is bounded whatever the zip says; an entry's last piece is withheld until its checksum and both of its sizes are right; what
 * programs could read in two ways is refused; all that is wrong with a zip is `corrupt`.
 * Never does: read a zip from the front, trust an entry's own header, unpack to a disk, decrypt.
 */
export { openZip, type Zip, type ZipEntry } from './open.ts'
export { readAhead } from './read-ahead.ts'
export { type RangedSource, rangesOfFile } from './ranged-source.ts'
