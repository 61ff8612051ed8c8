/**
 * Making there like here: files up, objects down, plans carried out.
 *
 * Promises: bytes are hashed as they go by and have their name only when they are right; what is killed is taken up where it
 * was, at the cost of what is missing; additions stand before anything is removed; an item that fails stops no other.
 * Never does: decide what is to be moved, replace a file that it was not told to, leave half a file under a name.
 */
export { type Applied, applyPlan, type ApplyOptions, type Source } from './apply.ts'
export { type Downloaded, downloadFile, type DownloadOptions } from './download.ts'
export { sweepParts } from './part.ts'
export { fileMemo } from './memo.ts'
export { type FileToSend, uploadFile, type UploadOptions } from './upload.ts'
