import { mkdtempSync } from 'node:fs'
import path from 'node:path'
import { afterEach } from 'node:test'
import { type GitHub, type GitHubOptions, openGitHub } from '../../../src/images/github/github.ts'
import { velox } from '../../../src/images/velox.ts'
import { createHttp } from '../../../src/kit/http/index.ts'
import type { Progress } from '../../../src/kit/index.ts'
import { hastyClock } from '../hasty-clock.ts'
import { scratchDirectory } from '../scratch.ts'
import { type GitHubOptions as Scene, type GitHubStandIn, startGitHub } from './github.ts'

interface Desk {
  readonly github: GitHub
  /** What was said. */
  readonly notes: string[]
  readonly clock: ReturnType<typeof hastyClock>
  readonly http: ReturnType<typeof createHttp>
  close(): void
}

/** Stand-ins, and the product's own GitHub that asks them; closed after each test. Called at the top of a file. The desks of one stand-in share a cache. */
export function githubDesks(): {
  scene(options?: Scene): Promise<GitHubStandIn>
  desk(stand: GitHubStandIn, more?: Partial<GitHubOptions>): Desk
} {
  const scratch = scratchDirectory()
  const open: { close(): unknown }[] = []
  afterEach(async () => {
    const closed = await Promise.allSettled(
      open
        .splice(0)
        .toReversed()
        .map(async (one) => await one.close()),
    )
    for (const one of closed) if (one.status === 'rejected') throw one.reason
  })
  return {
    async scene(options) {
      const stand = await startGitHub(options)
      open.push(stand)
      return stand
    },
    desk(stand, more) {
      const made = openDesk(stand, scratch, more)
      open.push(made)
      return made
    },
  }
}

function openDesk(stand: GitHubStandIn, scratch: string, more: Partial<GitHubOptions> = {}): Desk {
  const notes: string[] = []
  const clock = hastyClock(Date.UTC(2026, 5, 1))
  const report = (event: Progress) => void (event.kind === 'note' && notes.push(event.text))
  const http = createHttp({ clock, random: () => 0.5, report, userAgent: 'tests' })
  const cacheDir = caches.get(stand) ?? mkdtempSync(path.join(scratch, 'cache-'))
  caches.set(stand, cacheDir)
  const github = openGitHub({
    api: stand.api,
    repo: stand.repo,
    workflow: stand.workflow,
    metadata: velox.preset.metadata,
    token: () => Promise.resolve(stand.token),
    http,
    cacheDir,
    clock,
    random: () => 0.5,
    report,
    ...more,
  })
  return { github, notes, clock, http, close: () => http.close() }
}

const caches = new WeakMap<GitHubStandIn, string>()
