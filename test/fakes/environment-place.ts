import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { ModeSettings, Place } from '../../src/environments/mode.ts'
import { silent, systemClock } from '../../src/kit/index.ts'

/** An environment in a directory, with the live one made and empty. */
export function placeIn(home: string, settings: Partial<ModeSettings> = {}): Place {
  const live = path.join(home, 'live')
  mkdirSync(live, { recursive: true })
  return {
    live,
    snapshotsDir: path.join(home, '.live.snapshots'),
    settings: { squashfsCompression: 'none', copier: 'rsync', volume: { fileSystem: 'btrfs' }, preserve: [], ...settings },
    clock: systemClock,
    random: Math.random,
    report: silent,
  }
}
