import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../kit/index.ts'

/** How actions were answered that came with an Idempotency-Key: asked again, they are answered again and not done again. */
export interface Answers {
  /**
   * `new`: it is ours to do. `known`: what was answered. `busy`: it is being done, or whoever did it died, and nobody knows yet.
   * `other`: the key was used for another request.
   */
  begin(
    token: string,
    key: string,
    request: string,
  ): { readonly kind: 'new' | 'busy' | 'other' } | { readonly kind: 'known'; readonly answer: unknown }
  end(token: string, key: string, answer: unknown): void
  /** It failed: it may be tried again. */
  drop(token: string, key: string): void
}

/** Milliseconds. */
const keptFor = 24 * 3_600_000
/** After that, whoever began it is taken for dead. */
const longestWork = 15 * 60_000

export function createAnswers(db: DatabaseSync, clock: Clock): Answers {
  const forget = db.prepare('DELETE FROM answers WHERE at < ? OR (answer IS NULL AND at < ?)')
  const insert = db.prepare('INSERT INTO answers (token, key, request, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING')
  const find = db.prepare('SELECT request, answer FROM answers WHERE token = ? AND key = ?')
  const settle = db.prepare('UPDATE answers SET answer = ? WHERE token = ? AND key = ?')
  const remove = db.prepare('DELETE FROM answers WHERE token = ? AND key = ? AND answer IS NULL')
  return {
    begin(token, key, request) {
      const now = clock.now()
      forget.run(now - keptFor, now - longestWork)
      if (insert.run(token, key, request, now).changes > 0) return { kind: 'new' }
      const row = find.get(token, key)
      if (row === undefined) return { kind: 'busy' }
      if (row['request'] !== request) return { kind: 'other' }
      const answer = row['answer'] as string | null
      return answer === null ? { kind: 'busy' } : { kind: 'known', answer: JSON.parse(answer) as unknown }
    },
    end: (token, key, answer) => void settle.run(JSON.stringify(answer), token, key),
    drop: (token, key) => void remove.run(token, key),
  }
}
