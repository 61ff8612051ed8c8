import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  defaultSettings,
  type EnvironmentContext,
  type EnvironmentSettings,
  type Mode,
  modeLookup,
  type SnapshotMode,
} from '../../src/environments/index.ts'
import { type Clock, type Progress, systemClock } from '../../src/kit/index.ts'
import { copyingMode } from './copying-mode.ts'

/** An environment with one file, kept by a mode that copies, and everything that it reported. */
export interface EnvironmentDesk {
  readonly folder: string
  readonly live: string
  readonly snapshotsDir: string
  readonly events: Progress[]
  context(change?: Partial<EnvironmentSettings>, other?: Partial<EnvironmentContext>): EnvironmentContext
  /** Names of the events that were reported. */
  names(): string[]
  write(file: string, content: string): void
  read(file: string): string
}

export interface DeskOptions {
  readonly modes?: Partial<Record<SnapshotMode, Mode>>
  readonly clock?: Clock
}

export function environmentDesk(scratch: string, { modes = {}, clock = systemClock }: DeskOptions = {}): EnvironmentDesk {
  const folder = mkdtempSync(path.join(scratch, 'desk-'))
  const live = path.join(folder, 'live')
  const snapshotsDir = path.join(folder, 'snapshots')
  mkdirSync(live)
  const events: Progress[] = []
  const env = { PATH: process.env['PATH'] }
  const lookup = modeLookup({ environment: 'stage', env, clock, snapshots: () => Promise.reject(new Error('no store here')) })
  const all: Partial<Record<SnapshotMode, Mode>> = { filesystem: copyingMode(), ...modes }
  const desk: EnvironmentDesk = {
    folder,
    live,
    snapshotsDir,
    events,
    context: (change = {}, other = {}) => ({
      name: 'stage',
      live,
      snapshotsDir,
      settings: { ...defaultSettings, mode: 'filesystem', ...change },
      modes: async (name) => all[name] ?? (await lookup(name)),
      env,
      clock,
      random: Math.random,
      report: (event) => events.push(event),
      ...other,
    }),
    names: () => events.flatMap((event) => (event.kind === 'note' && event.event !== undefined ? [event.event] : [])),
    write: (file, content) => writeFileSync(path.join(live, file), content),
    read: (file) => readFileSync(path.join(live, file), 'utf8'),
  }
  desk.write('a', 'clean')
  return desk
}
