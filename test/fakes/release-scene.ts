import { afterEach } from 'node:test'
import { createRelease } from '../../src/releases/index.ts'
import { isFault } from '../../src/kit/index.ts'
import { type DeskOptions, type ReleaseDesk, releaseDesk } from './release-desk.ts'

let desk: ReleaseDesk | undefined
afterEach(async () => {
  await desk?.remove()
  desk = undefined
})

/** A desk that is gone after the test. */
export async function openDesk(options: DeskOptions = {}): Promise<ReleaseDesk> {
  desk = await releaseDesk(options)
  return desk
}

/** Releases each content in turn, a minute apart. */
export async function releaseAll(at: ReleaseDesk, variant: string, ...contents: string[]): Promise<void> {
  for (const content of contents) {
    await at.build(content)
    await createRelease(at.context, at.product, variant, { noBuild: true })
    at.clock.set(at.clock.now() + 60_000)
  }
}

export const withCode = (wanted: string) => (error: unknown) => isFault(error) && error.code === wanted
