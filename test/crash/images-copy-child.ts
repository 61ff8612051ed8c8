/** A process to be killed while it copies an image. Arguments: one JSON of `CopyJob`. Where it lives to the end it says how often it could have died. */
import type { HttpAnswer, HttpClient } from '../../src/kit/http/index.ts'
import { createHttp } from '../../src/kit/http/index.ts'
import { realDisk, systemClock } from '../../src/kit/index.ts'
import { openRegistry } from '../../src/oci/index.ts'
import { copyPlace } from '../fakes/copy-place.ts'
import { createDeadline, dyingBytes, dyingDisk } from './dying.ts'

export interface CopyJob {
  readonly from: string
  readonly to: string
  /** Where interrupted uploads are remembered. */
  readonly state: string
  /** Counted from 1; 0 never comes. */
  readonly killAt: number
}

const { from, to, state, killAt } = JSON.parse(process.argv[2] ?? '') as CopyJob
const deadline = createDeadline(killAt)
Object.assign(realDisk, dyingDisk(deadline, { ...realDisk }))

const plain = createHttp({ clock: systemClock, random: () => 0, userAgent: 'holdfast/test' })
const withBody = <T extends { readonly body?: unknown }>(request: T): T => {
  const { body } = request
  if (body === undefined || body === null || typeof body !== 'object' || !('rewindable' in body)) return request
  return { ...request, body: dyingBytes(body as unknown as HttpAnswer['body'], deadline) }
}
const http: HttpClient = {
  ...plain,
  async request(request) {
    deadline.pass()
    const answer = await plain.request(withBody(request))
    deadline.pass()
    return { ...answer, body: dyingBytes(answer.body, deadline) }
  },
  async read(request, limit) {
    deadline.pass()
    const body = request.body instanceof Uint8Array ? piecesOf(request.body) : request.body
    const page = await plain.read(withBody({ ...request, body }), limit)
    deadline.pass()
    return page
  },
}

/** A body in one piece dies on its way too. */
function piecesOf(bytes: Uint8Array): HttpAnswer['body'] {
  return {
    length: bytes.byteLength,
    rewindable: true,
    async *[Symbol.asyncIterator]() {
      for (let at = 0; at < bytes.byteLength; at += 4 << 20) yield bytes.subarray(at, at + (4 << 20))
    },
  }
}

const registryFor = (host: string) =>
  openRegistry({ host, http, credentials: async () => undefined, isPlain: true, clock: systemClock, random: () => 0 })
await copyPlace({ from, to, state, registryFor })
process.stdout.write(JSON.stringify({ points: deadline.count }))
plain.close()
