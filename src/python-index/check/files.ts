import { digestOf, hasher, explain, isFault } from '../../kit/index.ts'
import { type CoreMetadata, maxMetadataBytes, parseMetadata } from '../dist/metadata.ts'
import type { CheckAnswer } from './client.ts'
import { bodyOf, type CheckDesk } from './desk.ts'
import { checkFileHeaders, describeDigest, toldDigest } from './headers.ts'
import type { ListedFile } from './project.ts'

/** Looks at one file as installers do, without reading it; a deep check reads every byte. Gives what its METADATA says, where that stands beside it. */
export async function checkFile(
  desk: CheckDesk,
  file: ListedFile,
  options: { readonly asksRanges: boolean },
): Promise<CoreMetadata | undefined> {
  const { url } = file
  if (file.digest === undefined) desk.tell(url, 'its page tells no SHA-256: nobody can prove what they install', 'warning')
  if (!desk.client.serves(url)) {
    desk.tell(url, 'its page leads out of the index to this address, which is not looked at', 'warning')
    return undefined
  }
  // S3 tells checksums only to who asks for them.
  const answer = await desk.ask({ url, method: 'HEAD', headers: { 'x-amz-checksum-mode': 'ENABLED' } })
  if (answer !== undefined) {
    answer.discard()
    if (answer.status === 200) {
      checkHead(desk, file, answer)
      if (options.asksRanges || desk.isDeep) await checkRange(desk, file, answer)
      if (desk.isDeep) await checkBytes(desk, file)
    } else
      desk.tell(
        url,
        answer.status === 404 || answer.status === 410 ? 'it is listed and not there' : `it is answered with status ${answer.status}`,
      )
  }
  if (file.provenance !== undefined && desk.client.serves(file.provenance))
    await checkThere(desk, file.provenance, 'the provenance that a page names')
  return await checkMetadata(desk, file)
}

function checkHead(desk: CheckDesk, { url, size, digest }: ListedFile, { headers }: CheckAnswer): void {
  checkFileHeaders(desk, url, headers)
  const length = headers['content-length']
  if (size !== undefined && length !== undefined && Number(length) !== size) desk.tell(url, `it has ${length} bytes; its page says ${size}`)
  const told = toldDigest(headers)
  if (told !== undefined && digest !== undefined && told !== digest)
    desk.tell(url, `the server says ${describeDigest(told)}; its page says ${describeDigest(digest)}`)
}

const beginnings: readonly (readonly [RegExp, readonly number[]])[] = [
  [/\.(?:whl|zip)$/, [0x50, 0x4b]],
  [/\.gz$/, [0x1f, 0x8b]],
]

/** Installers read METADATA out of wheels, and resume downloads, by ranges. */
async function checkRange(desk: CheckDesk, { url, name, size }: ListedFile, { headers }: CheckAnswer): Promise<void> {
  const answer = await desk.ask({ url, headers: { range: 'bytes=0-1' } })
  if (answer === undefined) return
  if (answer.status !== 206) {
    answer.discard()
    return desk.tell(url, `asked for two bytes, it answers ${answer.status} and not 206: ranges do not work`, 'warning')
  }
  const bytes = await bodyOf(desk, url, answer, 1 << 16)
  if (bytes === undefined) return
  // Another size than the page's is told already.
  const total = headers['content-length'] ?? size
  const expected = beginnings.find(([end]) => end.test(name))![1]
  const range = answer.headers['content-range'] ?? ''
  if (
    bytes.byteLength !== 2 ||
    !range.startsWith('bytes 0-1/') ||
    (total !== undefined && ![`${total}`, '*'].includes(range.slice('bytes 0-1/'.length)))
  )
    return desk.tell(url, `asked for bytes 0 to 1 it gave ${bytes.byteLength} bytes as ${JSON.stringify(range)}`)
  if (bytes.some((byte, at) => byte !== expected[at])) desk.tell(url, 'it does not begin as such a file does')
  await checkHeld(desk, url, headers['etag'])
}

async function checkHeld(desk: CheckDesk, url: string, etag: string | undefined): Promise<void> {
  if (!desk.client.tellsHeaders) return
  if (etag === undefined) return desk.tell(url, 'it has no ETag: a download that broke off cannot go on', 'warning')
  const answer = await desk.ask({ url, headers: { 'if-none-match': etag, range: 'bytes=0-1' } })
  answer?.discard()
  if (answer !== undefined && answer.status !== 304)
    desk.tell(url, `asked with its own ETag, it answers ${answer.status} and not 304`, 'warning')
}

/** All of it. */
async function checkBytes(desk: CheckDesk, { url, size, digest }: ListedFile): Promise<void> {
  const answer = await desk.ask({ url })
  if (answer === undefined) return
  if (answer.status !== 200) {
    answer.discard()
    return desk.tell(url, `it is answered with status ${answer.status}`)
  }
  const state = hasher()
  let length = 0
  try {
    for await (const piece of answer.body) {
      state.update(piece)
      length += piece.byteLength
      desk.report({ kind: 'advance', task: 'check', bytes: piece.byteLength })
    }
  } catch (error) {
    if (isFault(error, 'aborted') || isFault(error, 'bug')) throw error
    return desk.tell(url, `it cannot be read to its end: ${explain(error).split('\n')[0]}`)
  }
  const actual = state.digest()
  if (size !== undefined && length !== size) desk.tell(url, `it has ${length} bytes; its page says ${size}`)
  if (digest !== undefined && actual !== digest) desk.tell(url, `it is ${describeDigest(actual)}; its page says ${describeDigest(digest)}`)
}

async function checkMetadata(desk: CheckDesk, { url, kind, metadata }: ListedFile): Promise<CoreMetadata | undefined> {
  if (metadata === undefined) {
    if (kind === 'wheel') desk.tell(url, 'its page tells of no METADATA: installers download the wheel to know what it requires', 'warning')
    return undefined
  }
  const at = besideUrl(url)
  const answer = await desk.ask({ url: at })
  if (answer === undefined) return undefined
  if (answer.status !== 200) {
    answer.discard()
    desk.tell(
      at,
      answer.status === 404 || answer.status === 410 ? 'it is listed and not there' : `it is answered with status ${answer.status}`,
    )
    return undefined
  }
  checkFileHeaders(desk, at, answer.headers)
  const bytes = await bodyOf(desk, at, answer, maxMetadataBytes)
  if (bytes === undefined) return undefined
  const actual = digestOf(bytes)
  if (actual !== metadata) {
    desk.tell(at, `it is ${describeDigest(actual)}; the page says ${describeDigest(metadata)}`)
    return undefined
  }
  try {
    return parseMetadata(bytes)
  } catch (error) {
    if (!isFault(error, 'invalid')) throw error
    desk.tell(at, error.message)
    return undefined
  }
}

/** PEP 658: `.metadata` after the path, before what may follow it. */
function besideUrl(text: string): string {
  const url = new URL(text)
  url.pathname += '.metadata'
  return url.href
}

async function checkThere(desk: CheckDesk, url: string, what: string): Promise<void> {
  const answer = await desk.ask({ url, method: 'HEAD' })
  answer?.discard()
  if (answer !== undefined && answer.status !== 200) desk.tell(url, `${what} is answered with status ${answer.status}`)
}
