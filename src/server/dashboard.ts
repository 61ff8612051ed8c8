import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type Answer, type Asked, digestOf, errno, isHeld } from '../kit/index.ts'
import type { Refusal } from './problem.ts'

/** The pages for people: files that were built once, held in memory. */
export interface Dashboard {
  /** What is at these segments; the page itself for every path that is none of its files, since it reads the path. */
  answer(asked: Asked, segments: readonly string[]): Answer | Refusal
}

interface Held {
  readonly headers: Readonly<Record<string, string>>
  readonly etag: string
  readonly bytes: Uint8Array
  readonly packed: Uint8Array
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Scripts and styles are files of ours, never written into the page; nothing is asked of anybody else. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Reads the files of a folder that the build made. Where there is none, its one page says which command makes it. */
export async function openDashboard(folder: string): Promise<Dashboard> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errno(error) === 'ENOENT') return []
    throw error
  })
  const files = new Map(
    await Promise.all(names.map(async (name) => [name, await hold(name, await readFile(path.join(folder, name)))] as const)),
  )
  const page = files.get('index.html') ?? (await hold('index.html', new TextEncoder().encode(unbuilt)))
  return {
    answer(asked, segments) {
      const isAsset = segments[0] === 'assets'
      const found = isAsset && segments.length === 2 ? files.get(segments[1]!) : page
      if (found === undefined || (isAsset && found === page)) return { status: 404, detail: 'the dashboard has no such file' }
      return give(asked, found)
    },
  }
}

async function hold(name: string, bytes: Uint8Array): Promise<Held> {
  const ending = path.extname(name)
  const isPage = ending === '.html'
  const etag = `"${digestOf(bytes).slice('sha256:'.length, 'sha256:'.length + 32)}"`
  return {
    headers: {
      'content-type': types[ending] ?? 'application/octet-stream',
      // All but the page have their digest in their names.
      'cache-control': isPage ? 'no-cache' : 'public, max-age=31536000, immutable',
      vary: isPage ? 'accept, accept-encoding' : 'accept-encoding',
      etag,
      ...(isPage ? { 'content-security-policy': policy } : {}),
    },
    etag,
    bytes,
    packed: await promisify(gzip)(bytes, { level: 9 }),
  }
}

function give({ method, headers: sent }: Asked, { headers, etag, bytes, packed }: Held): Answer {
  if (isHeld(sent, { etag })) return { status: 304, headers, body: null }
  const isPacked = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(sent.get('accept-encoding') ?? '')
  const body = isPacked ? packed : bytes
  const encoding = isPacked ? { 'content-encoding': 'gzip' } : {}
  return {
    status: 200,
    headers: { ...headers, ...encoding, 'content-length': String(body.byteLength) },
    body: method === 'HEAD' ? null : body,
  }
}

const unbuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Holdfast</title>
<h1>The dashboard is not built</h1>
<p>This server runs from its sources. <code>npm run build</code> makes the dashboard; start the server again after it.</p>
<p>All else is here: <a href="/api/v1/overview">/api/v1/overview</a>, <a href="/metrics">/metrics</a>.</p>
`
