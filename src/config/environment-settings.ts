import path from 'node:path'
import type { EnvironmentSettings } from '../environments/index.ts'
import { parseBytes, parseDuration } from '../kit/index.ts'
import type { WrittenEnvironment } from './schema.ts'

/** `[env.NAME]` with every path absolute and every default in place. */
export interface EnvironmentConfig {
  readonly name: string
  /** The live directory. */
  readonly path: string
  /** Where it must lie in; undefined: anywhere. */
  readonly root?: string | undefined
  readonly snapshotsDir: string
  readonly settings: EnvironmentSettings
}

export function environmentConfig(name: string, written: WrittenEnvironment, root: string | undefined): EnvironmentConfig {
  const { path: live, hooks } = written
  const milliseconds = (duration: string | undefined) => (duration === undefined ? undefined : parseDuration(duration))
  return {
    name,
    path: live,
    root,
    snapshotsDir: written.snapshots_dir ?? path.join(path.dirname(live), `.${path.basename(live)}.snapshots`),
    settings: {
      mode: written.mode,
      snapshotName: written.snapshot_name,
      autoCreateOnStartup: written.auto_create_on_startup,
      autoCleanup: written.auto_cleanup,
      keep: { count: written.keep_snapshot_count, age: milliseconds(written.keep_within), unused: milliseconds(written.keep_unused) },
      onRestoreFailure: written.on_restore_failure,
      onBusy: written.on_busy,
      waitLimit: milliseconds(written.wait_limit),
      verifyEvery: written.verify_every,
      hooks: {
        beforeCreate: hooks.before_create,
        afterCreate: hooks.after_create,
        beforeRestore: hooks.before_restore,
        afterRestore: hooks.after_restore,
        health: hooks.health,
        healthLimit: milliseconds(hooks.health_limit),
      },
      squashfsCompression: written.squashfs_compression,
      copier: written.copier,
      volume: {
        fileSystem: written.volume_file_system,
        size: written.volume_size === undefined ? undefined : parseBytes(written.volume_size),
      },
      cleanup: written.cleanup,
      preserve: written.preserve,
    },
  }
}
