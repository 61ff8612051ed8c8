import { after } from 'node:test'
import { fakeImage, fakeLayer } from './images.ts'
import { type PushDesk, pushDesk, type PushDeskOptions } from './push-desk.ts'
import { type RegistryPeer, startRegistryPeer } from './registry-peer.ts'
import { seededRandom } from './seeded-random.ts'

export interface PushScene {
  readonly peer: RegistryPeer
  readonly desk: PushDesk
}

/** Registries of their own, each with someone who pushes there; closed after the file's tests. Called at the top of a file. */
export function pushScenes(): (options?: PushDeskOptions) => Promise<PushScene> {
  const closing: (() => unknown)[] = []
  after(async () => {
    for (const close of closing) await close()
  })
  return async (options = {}) => {
    const peer = await startRegistryPeer()
    closing.push(() => peer.close())
    const desk = await pushDesk(peer.host, options)
    closing.push(() => desk.close())
    return { peer, desk }
  }
}

export const noise = (size: number, seed: number): Buffer => {
  const random = seededRandom(seed)
  return Buffer.from(Uint32Array.from({ length: size / 4 }, () => Math.floor(random() * 2 ** 32)).buffer)
}

/** Too large to be known before it is sent, compressed. */
export const large = fakeLayer({ 'lib/large': noise(5 << 20, 1) })
export const small = fakeLayer({ 'bin/small': 'x'.repeat(1000) })
export const other = fakeLayer({ 'etc/other': noise(60_000, 2) })
export const image = fakeImage('app:1', [large, small, other])
export const light = fakeImage('app:1', [other, small, fakeLayer({ 'opt/third': noise(200_000, 3) })])
