import * as v from 'valibot'
import { type Bytes, collect, type Digest, Fault, isFault, parseJson, silent } from '../../kit/index.ts'
import type { PutBlobOptions } from './registry.ts'
import { gatherAndSend } from './send.ts'
import type { Session } from './session.ts'
import {
  askPosition,
  beginUpload,
  continueUpload,
  hasBlob,
  type OpenUpload,
  persistently,
  putDigest,
  type UploadOptions,
  usualChunkBytes,
} from './uploads.ts'

interface Put {
  readonly session: Session
  readonly repository: string
  readonly digest: Digest
  readonly body: Bytes
  readonly options: UploadOptions
  readonly more: PutBlobOptions
}

/** How often an upload that the registry has lost begins anew. */
const maxBeginnings = 3

const memoShape = v.object({
  host: v.string(),
  repository: v.string(),
  digest: v.string(),
  location: v.pipe(v.string(), v.startsWith('/')),
})
type Memo = v.InferOutput<typeof memoShape>

export async function putBlob(put: Put): Promise<void> {
  const { options, body } = put
  for (let beginning = 1; ; beginning++) {
    const upload = beginning === 1 ? await remembered(put) : undefined
    try {
      await (upload === undefined ? sendAnew(put) : sendRest(put, upload))
      await put.more.resume?.clear()
      return
    } catch (error) {
      // What an interrupted upload began with may have been of other content, or the registry's disk has lost it.
      const isLost = isFault(error, 'precondition') || (isFault(error, 'corrupt') && upload !== undefined)
      if (!isLost || !body.rewindable || beginning === maxBeginnings) throw error
      await put.more.resume?.clear()
      const text = `${error.message}: sending it from the beginning`
      ;(options.report ?? silent)({ kind: 'note', level: 'warning', text, event: 'upload_restart' })
    }
  }
}

/** In one piece where it is small: a request less for each, and most blobs are. */
async function sendAnew(put: Put): Promise<void> {
  const { session, repository, body, more } = put
  if (body.length !== undefined && body.length <= usualChunkBytes) {
    const bytes = await collect(body, body.length, `the body of ${put.digest}`)
    checkLength(body, bytes.byteLength)
    await sendWhole(put, bytes)
    return
  }
  const position = await beginUpload(session, repository, more.signal)
  await sendRest(put, continueUpload(session, repository, position, put.options))
}

async function sendWhole({ session, repository, digest, options, more: { signal } }: Put, body: Uint8Array): Promise<void> {
  let isUnsure = false
  await persistently(options, signal, async () => {
    if (isUnsure && (await hasBlob(session, repository, digest, body.byteLength, signal))) return
    const { location } = await beginUpload(session, repository, signal)
    isUnsure = true
    await putDigest(session, { path: location, scopes: [{ repository, actions: 'pull,push' }], body, signal }, digest)
  })
}

async function sendRest({ session, repository, digest, body, more: { signal, resume } }: Put, upload: OpenUpload): Promise<void> {
  const remember = async () =>
    await resume?.save(JSON.stringify({ host: session.host, repository, digest, location: upload.location } satisfies Memo))
  try {
    await remember()
    const chunkBytes = Math.min(upload.chunkBytes, Math.max(1, (body.length ?? Infinity) - upload.offset))
    await gatherAndSend(after(body, upload.offset), chunkBytes, async (chunk) => {
      if (upload.offset + chunk.byteLength > (body.length ?? Infinity))
        throw new Fault('corrupt', `more came than the ${body.length} bytes to send`)
      await upload.write(chunk, { signal })
      await remember()
    })
    checkLength(body, upload.offset)
    await upload.finish(digest, { signal })
  } catch (error) {
    // Whoever remembers it goes on with it; a caller that stops does not wait.
    if (resume === undefined && signal?.aborted !== true) await upload.cancel()
    throw error
  }
}

/** The upload that was interrupted, if it was of this and the registry still has it. */
async function remembered({ session, repository, digest, body, options, more: { resume, signal } }: Put): Promise<OpenUpload | undefined> {
  const text = body.rewindable ? await resume?.load() : undefined
  const memo = text === undefined ? undefined : memoOf(text)
  if (memo === undefined || memo.host !== session.host || memo.repository !== repository || memo.digest !== digest) return undefined
  const position = await askPosition(session, repository, memo.location, signal)
  const report = options.report ?? silent
  if (position === undefined || position.offset > (body.length ?? Infinity)) {
    const text = `${session.host} has lost the upload of ${digest} that was interrupted: sending it from the beginning`
    report({ kind: 'note', level: 'info', text, event: 'upload_restart' })
    return undefined
  }
  report({
    kind: 'note',
    level: 'info',
    text: `going on with the upload of ${digest} after ${position.offset} bytes`,
    event: 'upload_resume',
  })
  return continueUpload(session, repository, position, options)
}

/** What is not a memo of this program is none. */
function memoOf(text: string): Memo | undefined {
  try {
    return parseJson(memoShape, text, 'the memo of an upload')
  } catch {
    return undefined
  }
}

function checkLength(body: Bytes, actual: number): void {
  if (body.length !== undefined && body.length !== actual)
    throw new Fault('corrupt', `expected ${body.length} bytes to send, got ${actual}`)
}

/** The bytes after the first `skipped`. */
async function* after(body: Bytes, skipped: number): AsyncGenerator<Uint8Array> {
  let toSkip = skipped
  for await (const piece of body) {
    const rest = piece.subarray(Math.min(toSkip, piece.byteLength))
    toSkip -= piece.byteLength - rest.byteLength
    if (rest.byteLength > 0) yield rest
  }
}
