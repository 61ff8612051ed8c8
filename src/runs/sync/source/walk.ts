import { Fault, isFault } from '../../../kit/index.ts'
import { readAll } from '../../../store/index.ts'
import { manifestFolder, type RunKey, runFolder } from '../../format/place.ts'
import { parseRunKey } from '../local/key.ts'
import type { SourceFile, SourceRun } from '../plan/planner.ts'
import type { State } from '../state/state.ts'
import type { Source } from './source.ts'

/** Files that Runicorn only appends to, and those that say what a run is. */
const appended = new Set(['events.jsonl', 'logs.txt'])
const metadata = new Set(['meta', 'status', 'summary', 'environment', 'artifacts_created', 'artifacts_used'].map((name) => `${name}.json`))

/** Milliseconds: a file as young as this may change again and keep its size and time. */
const freshFor = 3000
const maxStatusBytes = 1 << 20

export interface WalkedRun extends SourceRun {
  /** Milliseconds since 1970: its newest file. */
  readonly updated: number
  readonly fileCount: number
  readonly bytes: number
}

/**
 * Lists every file of every run: the way that needs nothing of the server, and costs by what exists. A place without any run is
 * `not-found`: it is a wrong path or a disk that is not mounted, and not a reason to take all runs for gone.
 */
export async function* walkRuns(source: Source, state: State): AsyncGenerator<WalkedRun> {
  const { db } = state.db
  db.exec(
    'DROP TABLE IF EXISTS temp.walked; CREATE TEMP TABLE walked (run TEXT, path TEXT, size INTEGER, modified REAL, PRIMARY KEY (run, path)) WITHOUT ROWID',
  )
  const keep = db.prepare('INSERT OR REPLACE INTO walked VALUES (?, ?, ?, ?)')
  for await (const { key, size, modified } of source.store.list('', { signal: source.signal })) {
    const name = parseRunKey(key)
    if (name === undefined || name.project === manifestFolder) continue
    keep.run(JSON.stringify([name.project, name.name, name.runId]), name.path, size, modified)
  }
  const now = source.clock.now()
  if (db.prepare('SELECT 1 FROM walked LIMIT 1').get() === undefined) {
    throw new Fault('not-found', `there are no runs at ${source.store.name}`, {
      hint: 'name the folder that has <project>/<name>/runs/<run>, and see whether it is there',
    })
  }
  let after = ''
  for (;;) {
    const row = db
      .prepare('SELECT run, max(modified) AS updated, count(*) AS files, sum(size) AS bytes FROM walked WHERE run > ? GROUP BY run LIMIT 1')
      .get(after)
    if (row === undefined) break
    after = row['run'] as string
    const [project, name, runId] = JSON.parse(after) as [string, string, string]
    const files = db.prepare('SELECT path, size, modified FROM walked WHERE run = ? ORDER BY path').all(after)
    yield {
      project,
      name,
      runId,
      mark: undefined,
      updated: row['updated'] as number,
      fileCount: row['files'] as number,
      bytes: row['bytes'] as number,
      files: () => files.map((file) => fileOf(file, now)),
    }
  }
  db.exec('DROP TABLE temp.walked')
}

function fileOf(row: Record<string, unknown>, now: number): SourceFile {
  const [path, size, modified] = [row['path'] as string, row['size'] as number, row['modified'] as number]
  return {
    path,
    size,
    modified,
    priority: metadata.has(path) ? 1 : 0,
    isAppended: appended.has(path),
    isFresh: Math.abs(now - modified) < freshFor,
  }
}

/** What a run's own status.json says; undefined where it says nothing. */
export async function readStatus({ store, signal }: Source, run: RunKey): Promise<string | undefined> {
  try {
    const { bytes } = await readAll(store, `${runFolder(run)}/status.json`, { limit: maxStatusBytes, signal })
    const value = JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown
    const status = typeof value === 'object' && value !== null && 'status' in value ? value.status : undefined
    return typeof status === 'string' ? status : undefined
  } catch (error) {
    if (isFault(error, 'not-found') || isFault(error, 'corrupt') || error instanceof SyntaxError) return undefined
    throw error
  }
}
