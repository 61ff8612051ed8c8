/**
 * Tar archives, read as a stream: ustar, pax (POSIX.1-2001) and what GNU tar adds for long names and large numbers.
 *
 * Promises: memory is bounded by one piece of the source and 1 MiB of an extended header; names are bytes, as the archive has them, and
 * whoever uses one as a path checks it; what is not a tar, or ends early, throws `corrupt`.
 * Never does: touch a file system, follow a link, unpack a sparse file.
 */
export { readTar, type TarMember } from './read.ts'
