import { existsSync, lstatSync, mkdirSync, rmdirSync, unlinkSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { diskFault, errno, Fault } from '../../../kit/index.ts'
import { ownFolder, partsFolder } from '../local/key.ts'
import { type Database, openDatabase } from './database.ts'
import { type Files, filesIn } from './files.ts'
import { type Journal, journalIn } from './journal.ts'
import { type KeptPages, pagesIn } from './pages.ts'
import { newPlan, type SyncPlan } from './plan.ts'

/** All that the client remembers of one target folder. */
export interface State extends Pick<Database, 'transaction' | 'during' | 'meta' | 'setMeta' | 'close'> {
  readonly files: Files
  readonly pages: KeptPages
  readonly journal: Journal
  /** Of this sync alone. */
  readonly plan: SyncPlan
  readonly db: Database
  /** Up to where a way of looking was synced; the scope says which way and which runs. */
  cursor(scope: string): string | undefined
  setCursor(scope: string, mark: string | undefined): void
  /** Of every way but one. */
  dropCursors(but?: string): void
  /** Closes it. Where it was made by this opening and nothing came of it, it goes, with the folders that were made for it. */
  abandon(): void
}

const stateFile = 'runs.sqlite'
const lockFile = 'runs.lock'

/**
 * The state of a folder. With `make` it is made where there is none; else a folder that was never synced gets one in memory, and
 * nothing is written below it. While it is open no other sync can open it: `busy`.
 */
export function openState(root: string, how: 'make' | 'if-there'): State {
  const folder = path.join(root, ownFolder)
  const file = path.join(folder, stateFile)
  const made = how === 'make' ? makeFolder(folder) : []
  const isKept = how === 'make' || existsSync(file)
  const lock = isKept ? takeLock(path.join(folder, lockFile)) : undefined
  try {
    const db = openDatabase(isKept ? file : undefined)
    return stateOf(db, (isUnused) => {
      const isToGo = made.includes(folder) && isUnused()
      db.close()
      if (isToGo) removeState(folder)
      lock?.close()
      if (isToGo) removeEmptied(made)
    })
  } catch (error) {
    lock?.close()
    throw error
  }
}

/** The state of a folder for looking at only: beside a sync, if need be. `not-found` where there is none. */
export function readState(root: string): State {
  const file = path.join(root, ownFolder, stateFile)
  if (!existsSync(file)) {
    throw new Fault('not-found', 'no runs were synced into this folder', {
      at: root,
      hint: 'name the folder with --to, or sync into it first: holdfast runs sync SOURCE --to DIR',
    })
  }
  const db = openDatabase(file)
  return stateOf(db, () => db.close())
}

/** Where the folder was synced from; undefined where it was not. */
export function syncedFrom(root: string): string | undefined {
  if (!existsSync(path.join(root, ownFolder, stateFile))) return undefined
  const state = readState(root)
  try {
    return state.meta('source')
  } finally {
    state.close()
  }
}

function stateOf(db: Database, close: (isUnused: () => boolean) => void): State {
  let plan: SyncPlan | undefined
  const [files, journal] = [filesIn(db), journalIn(db)]
  return {
    ...db,
    close: () => close(() => false),
    abandon: () => close(() => files.count().files + journal.pending(0).count === 0),
    db,
    files,
    pages: pagesIn(db),
    journal,
    get plan() {
      return (plan ??= newPlan(db))
    },
    cursor: (scope) => db.sql('SELECT mark FROM cursors WHERE scope = ?').get(scope)?.['mark'] as string | undefined,
    setCursor(scope, mark) {
      if (mark === undefined) db.sql('DELETE FROM cursors WHERE scope = ?').run(scope)
      else db.sql('INSERT OR REPLACE INTO cursors VALUES (?, ?)').run(scope, mark)
    },
    dropCursors: (but = '') => void db.sql("DELETE FROM cursors WHERE scope NOT LIKE ? || ' %'").run(but),
  }
}

/** A lock that goes with the process that holds it: SQLite's own on a file of its own. */
function takeLock(file: string): DatabaseSync {
  const lock = new DatabaseSync(file, { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    throw new Fault('busy', 'another sync of this folder is running', {
      at: path.dirname(path.dirname(file)),
      hint: 'wait for it, or stop it',
      cause: error,
    })
  }
}

/** The folders that were not there, the uppermost first. */
function makeFolder(folder: string): string[] {
  const made: string[] = []
  try {
    makeWithParents(folder, made)
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw diskFault(error, folder, 'make the folder')
    const stat = lstatSync(folder)
    if (!stat.isDirectory()) throw new Fault('denied', `${folder} is no directory, and no link is followed`, { at: folder })
  }
  return made
}

/** Not with Node's `recursive`: it never comes back where a directory is there and nothing can be made in it, as in /proc. */
function makeWithParents(folder: string, made: string[]): void {
  const parent = path.dirname(folder)
  if (!existsSync(parent)) makeWithParents(parent, made)
  mkdirSync(folder)
  made.push(folder)
}

/** Unless there are bytes of a file that was on its way: those are worth keeping. */
function removeState(folder: string): void {
  try {
    if (existsSync(path.join(folder, partsFolder))) rmdirSync(path.join(folder, partsFolder))
    unlinkSync(path.join(folder, stateFile))
    unlinkSync(path.join(folder, lockFile))
  } catch {
    // The next sync finds it as it is.
  }
}

function removeEmptied(made: readonly string[]): void {
  try {
    for (const folder of made.toReversed()) rmdirSync(folder)
  } catch {
    // Something lies in it: it stays, with all above it.
  }
}
