/**
 * The ground floor: words that know nothing of stores, releases or images.
 *
 * Promises: a Fault never holds a secret; Bytes never hold a whole artifact; time, randomness and signals are passed in.
 * Never does: touch a store, read the environment, start anything on import.
 */
export { abortFault, linkedAbort, throwIfAborted, untilAborted } from './abort.ts'
export {
  type Bytes,
  bytesFrom,
  bytesOf,
  bytesOfFile,
  bytesOnce,
  collect,
  type FileRange,
  freeRoom,
  observed,
  pieceSize,
  verified,
} from './bytes.ts'
export { type ByteText, byteText, compareNames, joinBytes, shownName, systemPath } from './byte-text.ts'
export { type Clock, systemClock } from './clock.ts'
export { type HeaderView, isHeld, type Version, type Wanted, whatIsWanted } from './conditions.ts'
export { decode } from './decode.ts'
export { type Digest, digestOf, type Hasher, hasher, hexOf, isDigest, parseDigest } from './digest.ts'
export { type Disk, diskFault, errno, isTemporary, realDisk, syncDirectory, temporaryBeside } from './disk.ts'
export { type Progress, type Report, silent } from './events.ts'
export {
  asFault,
  codeOfExit,
  explain,
  Fault,
  type FaultCode,
  faultCodes,
  type FaultDetails,
  faultToJson,
  isFault,
  type Retry,
} from './fault.ts'
export { checkKey, compareKeys, isKey, maxKeyBytes, maxSegmentBytes, reservedStart } from './key.ts'
export { createLog, type Log, type LogFields, type LogFormat, logFormats, type LogLevel, logLevels } from './log.ts'
export { makeDirectories, makeDirectoriesSync } from './make-directories.ts'
export { forEachBounded, mapAhead, mapBounded } from './pool.ts'
export { forgetSecret, keepSecret, redact } from './redact.ts'
export { retrying, type RetryPolicy } from './retry.ts'
export type { Answer, Asked, Responder, Sent } from './serving.ts'
export { canonicalJson, checkShape, parseJson, type Shape } from './shape.ts'
export { ensureOwnFile, readSmallFile, replaceFile } from './small-file.ts'
export { spareStack } from './spare-stack.ts'
export { run, type RunOptions, type RunResult } from './spawn.ts'
export { type Attributes, parseTraceparent, type Span, traced, type Tracer } from './trace.ts'
export { formatBytes, formatDuration, parseBytes, parseDuration, parseTime } from './units.ts'
export { unitWord } from './unit-word.ts'
