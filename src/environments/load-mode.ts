import type { Clock } from '../kit/index.ts'
import type { SnapshotContext } from '../snapshots/index.ts'
import type { ModeLookup } from './context.ts'
import type { Mode, SnapshotMode } from './mode.ts'

/** What modes need beyond the place they work on. */
export interface ModeNeeds {
  readonly environment: string
  /** Of commands that are run. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** Opens the store that the mode `store` keeps snapshots in. */
  readonly snapshots: () => Promise<SnapshotContext>
}

/** The modes by name, each loaded when it is first asked for. */
export function modeLookup(needs: ModeNeeds): ModeLookup {
  const loaded = new Map<SnapshotMode, Promise<Mode>>()
  return (name) => {
    const known = loaded.get(name) ?? loadMode(name, needs)
    loaded.set(name, known)
    return known
  }
}

async function loadMode(name: SnapshotMode, needs: ModeNeeds): Promise<Mode> {
  switch (name) {
    case 'disabled':
      return (await import('./modes/disabled.ts')).createDisabledMode()
    case 'recreate':
      return (await import('./modes/recreate.ts')).createRecreateMode(needs)
    case 'overlay':
      return (await import('./modes/overlay/overlay.ts')).createOverlayMode()
    case 'reflink':
      return (await import('./modes/reflink/reflink.ts')).createReflinkMode()
    case 'squashfs':
      return (await import('./modes/squashfs/squashfs.ts')).createSquashfsMode()
    case 'filesystem':
      return (await import('./modes/filesystem/filesystem.ts')).createFilesystemMode()
    case 'store':
      return (await import('./modes/store/store.ts')).createStoreMode(needs)
    case 'volume':
      return (await import('./modes/volume/volume.ts')).createVolumeMode()
  }
}
