import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { ensureOwnFile, Fault } from '../../kit/index.ts'
import { type Database, formatSteps, type Row, tooNew, type Value } from './database.ts'

/** Opens the file, makes it where it is missing and brings an older format up to date. A newer one is `unsupported`. */
export async function openSqlite(file: string): Promise<Database> {
  ensureOwnFile(file)
  const database = guarded(file, () => new DatabaseSync(file, { timeout: 10_000 }))
  guarded(file, () => {
    // A killed process loses nothing. A power cut may lose the last moments, whole: units are safe to repeat, and nobody waits for the disk at each beat.
    database.exec('pragma journal_mode = wal; pragma synchronous = normal')
    bringUpToDate(database, file)
  })
  const statements = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql)
    // Lists of different lengths make different texts.
    if (statements.size < 200) statements.set(sql, statement)
    return statement
  }
  const ask = (sql: string, values: readonly Value[] = []) =>
    guarded(file, () => prepare(sql).all(Object.fromEntries(values.map((value, at) => [`$${at + 1}`, value]))) as Row[])
  let last: Promise<unknown> = Promise.resolve()
  /** One after another: there is one connection, and a transaction has it to itself. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work)
    last = turn.catch(() => undefined)
    return turn
  }
  return {
    name: file,
    prefix: '',
    skipLocked: '',
    query: (sql, values) => inTurn(async () => ask(sql, values)),
    transaction: (work) =>
      inTurn(async () => {
        guarded(file, () => database.exec('begin immediate'))
        try {
          const result = await work(async (sql, values) => ask(sql, values))
          guarded(file, () => database.exec('commit'))
          return result
        } catch (error) {
          if (database.isTransaction) database.exec('rollback')
          throw error
        }
      }),
    async close() {
      await last
      statements.clear()
      database.close()
    },
  }
}

function bringUpToDate(database: DatabaseSync, file: string): void {
  const steps = formatSteps('', 'integer primary key autoincrement')
  const formatOf = () => Number(database.prepare('pragma user_version').get()!['user_version'])
  if (formatOf() === steps.length) return
  database.exec('begin immediate')
  try {
    const format = formatOf()
    if (format > steps.length) throw tooNew(file, format, steps.length)
    for (const statement of steps.slice(format).flat()) database.exec(statement)
    database.exec(`pragma user_version = ${steps.length}`)
    database.exec('commit')
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}

/** SQLite's result codes: https://www.sqlite.org/rescode.html */
function guarded<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof Fault) throw error
    const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
    const says = error instanceof Error ? error.message : String(error)
    if (code === 5 || code === 6) throw new Fault('unavailable', 'the queue is in use by another process', { at: file, cause: error })
    if (code === 11 || code === 26)
      throw new Fault('corrupt', `the queue is damaged: ${says}`, {
        at: file,
        hint: 'move it away; jobs start anew without it',
        cause: error,
      })
    if (code === 3 || code === 8 || code === 14)
      throw new Fault('denied', `the queue cannot be opened for writing: ${says}`, {
        at: file,
        hint: 'check who owns the folder',
        cause: error,
      })
    if (code === 10 || code === 13) throw new Fault('unavailable', `the queue cannot be written: ${says}`, { at: file, cause: error })
    throw new Fault('bug', `the queue failed: ${says}`, { at: file, cause: error })
  }
}
