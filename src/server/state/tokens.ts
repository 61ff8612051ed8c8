import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { type Clock, Fault, keepSecret } from '../../kit/index.ts'

/** A token as lists show it: without its secret, which nobody has but its holder. Times are milliseconds since 1970. */
export interface Token {
  readonly id: string
  /** What people call it: `ci`. */
  readonly name: string
  readonly scopes: readonly string[]
  readonly created: number
  readonly by: string
  readonly expires: number | undefined
  readonly revoked: number | undefined
  /** When it was last shown, to the minute. */
  readonly used: number | undefined
}

export interface Tokens {
  /** The secret is given this once. */
  create(token: Pick<Token, 'name' | 'scopes' | 'by' | 'expires'>): { readonly token: Token; readonly secret: string }
  /** The newest first. */
  list(): Token[]
  /** Throws `not-found`, and `nothing-to-do` where it is revoked already. */
  revoke(id: string): Token
  /** The token of a secret that is good now; undefined for any other text. */
  find(secret: string): Token | undefined
}

/** Begins every secret: scanners of sources know it by that. */
const mark = 'hft'
const secretForm = /^hft_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/

export function createTokens(db: DatabaseSync, clock: Clock): Tokens {
  const insert = db.prepare('INSERT INTO tokens (id, name, digest, scopes, created, by, expires) VALUES (?, ?, ?, ?, ?, ?, ?)')
  const byId = db.prepare('SELECT * FROM tokens WHERE id = ?')
  const all = db.prepare('SELECT * FROM tokens ORDER BY created DESC, id')
  const revoke = db.prepare('UPDATE tokens SET revoked = ? WHERE id = ? AND revoked IS NULL')
  const use = db.prepare('UPDATE tokens SET used = ? WHERE id = ?')
  return {
    create({ name, scopes, by, expires }) {
      const id = randomBytes(6).toString('hex')
      const secret = `${mark}_${id}_${randomBytes(32).toString('base64url')}`
      keepSecret(secret)
      insert.run(id, name, digestOf(secret), JSON.stringify(scopes), clock.now(), by, expires ?? null)
      return { token: tokenOf(byId.get(id)!), secret }
    },
    list: () => all.all().map(tokenOf),
    revoke(id) {
      const row = byId.get(id)
      if (row === undefined) throw new Fault('not-found', `there is no token ${JSON.stringify(id)}`, { hint: 'see: holdfast token list' })
      if (revoke.run(clock.now(), id).changes === 0) throw new Fault('nothing-to-do', `the token ${id} is revoked already`)
      return tokenOf(byId.get(id)!)
    },
    find(secret) {
      const id = secretForm.exec(secret)?.[1]
      const row = id === undefined ? undefined : byId.get(id)
      // A secret of 256 random bits needs no slow digest.
      if (row === undefined || !timingSafeEqual(digestOf(secret), row['digest'] as Uint8Array)) return undefined
      const token = tokenOf(row)
      const now = clock.now()
      if (token.revoked !== undefined || (token.expires !== undefined && token.expires <= now)) return undefined
      if (token.used === undefined || now - token.used >= 60_000) use.run(now, token.id)
      return token
    },
  }
}

function digestOf(secret: string): Uint8Array {
  return createHash('sha256').update(secret).digest()
}

function tokenOf(row: Readonly<Record<string, unknown>>): Token {
  const time = (name: string) => (row[name] as number | null) ?? undefined
  return {
    id: row['id'] as string,
    name: row['name'] as string,
    scopes: JSON.parse(row['scopes'] as string) as string[],
    created: row['created'] as number,
    by: row['by'] as string,
    expires: time('expires'),
    revoked: time('revoked'),
    used: time('used'),
  }
}
