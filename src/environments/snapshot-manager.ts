import { type Cleaned, cleanupSnapshots } from './cleanup.ts'
import type { EnvironmentContext } from './context.ts'
import { type Created, type CreateOptions, createSnapshot } from './create.ts'
import { deleteSnapshot } from './delete.ts'
import { listSnapshots, showSnapshot, type SnapshotInfo, type SnapshotRow } from './list.ts'
import { type Restored, type RestoreOptions, restoreSnapshot } from './restore.ts'

/** All that a test environment asks of its snapshots, as methods of one object. The functions of this room do the same. */
export class SnapshotManager {
  readonly #context: EnvironmentContext

  constructor(context: EnvironmentContext) {
    this.#context = context
  }

  /** The name is the configured one where none is given; so in all methods. */
  async createSnapshot(name?: string, options: Omit<CreateOptions, 'snapshot'> = {}): Promise<Created> {
    return await createSnapshot(this.#context, { ...options, snapshot: name })
  }

  async restoreSnapshot(name?: string, options: Omit<RestoreOptions, 'snapshot'> = {}): Promise<Restored> {
    return await restoreSnapshot(this.#context, { ...options, snapshot: name })
  }

  /** Newest first. */
  async listSnapshots(): Promise<readonly SnapshotRow[]> {
    return (await listSnapshots(this.#context)).snapshots
  }

  async deleteSnapshot(name: string): Promise<void> {
    await deleteSnapshot(this.#context, name)
  }

  /** Leaves the newest `keep`, or what the configuration says. */
  async cleanupOldSnapshots(keep?: number): Promise<Cleaned> {
    return await cleanupSnapshots(this.#context, keep === undefined ? {} : { keep: { count: keep } })
  }

  async getSnapshotInfo(name?: string): Promise<SnapshotInfo> {
    return await showSnapshot(this.#context, name)
  }

  /** Once the environment has started clean: makes the clean snapshot anew. Undefined where the mode is `disabled`. */
  async createCleanSnapshot(name?: string): Promise<Created | undefined> {
    return this.#context.settings.mode === 'disabled' ? undefined : await this.createSnapshot(name, { replace: true })
  }

  /** The same where the configuration wants it at start-up. */
  async createOnStartup(): Promise<Created | undefined> {
    return this.#context.settings.autoCreateOnStartup ? await this.createCleanSnapshot() : undefined
  }

  /** Before each suite. False where the snapshot could not be given back and the clean-up command ran in its place. */
  async restoreCleanState(name?: string): Promise<boolean> {
    return (await this.restoreSnapshot(name)).fellBack === undefined
  }
}
