import { mkdtempSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type Bytes, bytesFrom, type Clock, systemClock } from '../../src/kit/index.ts'
import {
  type ImagePush,
  layerFlights,
  openLayerMemory,
  type Provenance,
  type PushContext,
  type PushedImage,
  pushImage,
} from '../../src/images/index.ts'
import type { Registry } from '../../src/oci/index.ts'
import { fleetingPieces } from './fleeting-pieces.ts'
import { registryDesk } from './registry-desk.ts'

/** Someone who pushes images to a registry, with a memory in a file. */
export interface PushDesk {
  readonly registry: Registry
  readonly context: PushContext
  readonly memoryFile: string
  readonly notes: string[]
  /** How often a tarball was begun to be read. */
  readonly readings: number
  push(tarball: Uint8Array, more?: Partial<ImagePush>): Promise<PushedImage>
  /** The same, after it was killed and started again. */
  restarted(): Promise<PushDesk>
  close(): void
}

export const provenance: Provenance = {
  repo: 'team/builds',
  workflow: '.github/workflows/build.yml',
  run: 12_345_678_901,
  attempt: 1,
  runUrl: 'https://github.com/team/builds/actions/runs/12345678901',
  commit: 'c'.repeat(40),
  artifact: 77,
  artifactDigest: `sha256:${'a'.repeat(64)}`,
  metadata: { tag: 'app-1-linux-amd64', fields: { 'Image tag': 'app-1-linux-amd64', 'Target platform': 'linux/amd64' } },
  entry: 'app.tar.gz',
}

export interface PushDeskOptions extends Partial<Pick<PushContext, 'scratch' | 'signal'>> {
  readonly memoryFile?: string | undefined
  readonly clock?: Clock | undefined
}

export async function pushDesk(host: string, options: PushDeskOptions = {}): Promise<PushDesk> {
  const { clock = systemClock, scratch, signal } = options
  const memoryFile = options.memoryFile ?? path.join(mkdtempSync(path.join(os.tmpdir(), 'holdfast-push-')), 'layers.json')
  const registry = registryDesk(host, { clock })
  const { notes } = registry
  let readings = 0
  const report: PushContext['report'] = (event) => {
    if (event.kind === 'note') notes.push(event.text)
    if (event.kind === 'begin') readings++
  }
  const context = {
    registry,
    memory: await openLayerMemory(memoryFile, report),
    flights: layerFlights(),
    misses: new Map<string, number>(),
    scratch,
    report,
    signal,
  }
  return {
    registry,
    context,
    memoryFile,
    notes,
    get readings() {
      return readings
    },
    push: (tarball, more = {}) =>
      pushImage(context, {
        tarball: inPieces(tarball),
        at: 'app.tar.gz',
        repository: 'team/app',
        tag: '1',
        onOther: 'refuse',
        mountFrom: [],
        provenance,
        ...more,
      }),
    async restarted() {
      registry.close()
      return await pushDesk(host, { ...options, memoryFile })
    },
    close: () => registry.close(),
  }
}

function inPieces(bytes: Uint8Array): Bytes {
  return bytesFrom(() => fleetingPieces(bytes, 100_000), bytes.byteLength)
}
