/** A simple index of some wheels, JSON alone, every answer made beforehand: it should cost those who ask as little as can be. */
import { hexOf } from '../../src/kit/index.ts'
import type { BuiltDistribution } from '../../test/fakes/distributions.ts'
import { startHttpServer } from '../../test/fakes/http-server.ts'

export interface PlainUpstream {
  readonly url: string
  /** How many wheels were asked for since the last call. */
  downloads(): number
  close(): Promise<void>
}

/** By the name of the package. */
export async function startPlainUpstream(wheels: ReadonlyMap<string, BuiltDistribution>): Promise<PlainUpstream> {
  const answers = new Map<string, { readonly type: string; readonly body: Uint8Array }>()
  for (const [name, { file, bytes, digest, metadata, metadataDigest }] of wheels) {
    const entry = {
      filename: file,
      url: `../../files/${file}`,
      hashes: { sha256: hexOf(digest) },
      size: bytes.byteLength,
      'requires-python': '>=3.10',
      'core-metadata': { sha256: hexOf(metadataDigest) },
    }
    const page = JSON.stringify({ meta: { 'api-version': '1.1' }, name, versions: [file.split('-')[1]], files: [entry] })
    answers.set(`/simple/${name}/`, { type: 'application/vnd.pypi.simple.v1+json', body: Buffer.from(page) })
    answers.set(`/files/${file}`, { type: 'application/octet-stream', body: bytes })
    answers.set(`/files/${file}.metadata`, { type: 'text/plain', body: metadata })
  }
  const server = await startHttpServer((request, response) => {
    const answer = answers.get(request.url ?? '')
    if (answer === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': answer.type, 'content-length': answer.body.byteLength, etag: '"1"' }).end(answer.body)
  })
  return {
    url: `${server.url}/simple/`,
    downloads: () => server.requests.splice(0).filter((line) => line.endsWith('.whl')).length,
    close: () => server.close(),
  }
}
