import path from 'node:path'
import { Fault, isKey } from '../kit/index.ts'

/** Where a store lies. */
export type StorePlace =
  | { readonly scheme: 'file'; readonly root: string }
  /** The prefix is empty or ends with a slash. */
  | { readonly scheme: 's3'; readonly bucket: string; readonly prefix: string }
  | { readonly scheme: 'sftp'; readonly user?: string; readonly host: string; readonly port?: number; readonly path: string }
  | { readonly scheme: 'memory'; readonly name: string }

const forms = 'write file:./folder, file:///folder, s3://bucket/prefix, sftp://user@host:port/path or memory:'

/** What a store's URL means; relative paths are below `cwd`. Anything else is `invalid`, and the hint shows what to write. Percent signs escape in `file:` alone. */
export function parseStoreUrl(text: string, cwd: string): StorePlace {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):/.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) throw notUrl(text)
  const rest = text.slice(scheme.length + 1)
  if (/[?#]/.test(rest)) {
    throw new Fault('invalid', `a store's URL has no ? or #: ${shown(text)}`, {
      hint: 'settings such as region and endpoint have keys of their own in [store.s3]',
    })
  }
  if (scheme === 'file') return { scheme, root: rootOf(text, rest, cwd) }
  if (scheme === 's3') return { scheme, ...bucketOf(text, rest) }
  if (scheme === 'sftp') return { scheme, ...hostOf(text, rest) }
  if (scheme === 'memory') {
    if (rest !== '' && !/^[\w.-]+$/.test(rest)) throw new Fault('invalid', `not a name for a store in memory: ${shown(text)}`)
    return { scheme, name: rest }
  }
  throw new Fault('invalid', `there is no store of the kind ${JSON.stringify(scheme)}`, { hint: forms })
}

function notUrl(text: string): Fault {
  if (text.trim() === '') return new Fault('invalid', 'a store needs a URL', { hint: forms })
  const isPath = /^[./~\\]|^[A-Za-z]:/.test(text) || !text.includes(':')
  const hint = isPath ? `for a folder write file:${/^([./]|[A-Za-z]:)/.test(text) ? text : `./${text}`}` : forms
  return new Fault('invalid', `not a URL of a store: ${shown(text)}`, { hint })
}

function rootOf(text: string, rest: string, cwd: string): string {
  if (/^\/\/[^/]/.test(rest)) {
    throw new Fault('invalid', `a file URL names no host: ${shown(text)}`, {
      hint: `write file:///${rest.slice(2)} for a folder from the root, or file:./${rest.slice(2)} for one from here`,
    })
  }
  try {
    const given = decodeURIComponent(rest.replace(/^\/\/\//, '/'))
    if (given !== '' && !given.includes('\0')) return path.resolve(cwd, given)
  } catch {
    // Falls through: what is not an escape is not a path.
  }
  throw new Fault('invalid', `not a folder: ${shown(text)}`, {
    hint: 'write file:./folder or file:///folder; a percent sign is written %25',
  })
}

function bucketOf(text: string, rest: string): { bucket: string; prefix: string } {
  const match = /^\/\/([A-Za-z0-9][A-Za-z0-9._-]{1,62})(?:\/(.*))?$/s.exec(rest)
  if (match === null) {
    const hint = rest.includes('@')
      ? 'keys do not belong in the URL: set AWS_ACCESS_KEY_ID, or a profile'
      : 'write s3://bucket or s3://bucket/prefix'
    throw new Fault('invalid', `not a bucket: ${shown(text)}`, { hint })
  }
  const prefix = (match[2] ?? '').replace(/\/$/, '')
  if (prefix !== '' && !isKey(prefix)) {
    throw new Fault('invalid', `not a usable prefix: ${shown(text)}`, { hint: 'write s3://bucket/a/b, without empty parts, . or ..' })
  }
  return { bucket: match[1]!, prefix: prefix === '' ? '' : `${prefix}/` }
}

function hostOf(text: string, rest: string): { user?: string; host: string; port?: number; path: string } {
  // Names go to ssh, and from there into the commands of its configuration (%h, %r): nothing that a shell or an option could be made of.
  const match = /^\/\/(?:([\w.][\w.+-]*)@)?(\w[\w.-]*)(?::(\d{1,5}))?(\/[^\0]*)$/.exec(rest)
  if (match === null || Number(match[3] ?? 22) > 65_535) {
    const hint = 'write sftp://user@host:port/path; a password does not belong in the URL'
    throw new Fault('invalid', `not a place on a server: ${shown(text)}`, { hint })
  }
  const [, user, host, port, where] = match
  return {
    ...(user === undefined ? {} : { user }),
    host: host!,
    ...(port === undefined ? {} : { port: Number(port) }),
    path: where!,
  }
}

/** The URL for a message: without what stands before an @, which may be a secret. */
function shown(text: string): string {
  return JSON.stringify(text.replace(/\/\/[^/]*@/, '//…@').slice(0, 200))
}
