import { mkdtempSync } from 'node:fs'
import path from 'node:path'
import { type GitHub, type GitHubOptions, openGitHub, velox } from '../../../src/images/index.ts'
import { createHttp } from '../../../src/kit/http/index.ts'
import type { Progress } from '../../../src/kit/index.ts'
import { hastyClock } from '../hasty-clock.ts'
import type { GitHubStandIn } from './github.ts'

export interface Desk {
  readonly github: GitHub
  /** What was said. */
  readonly notes: string[]
  readonly clock: ReturnType<typeof hastyClock>
  readonly http: ReturnType<typeof createHttp>
  close(): void
}

/** The product's own GitHub, asking the stand-in; its cache is that of the stand-in's other desks. */
export function openDesk(stand: GitHubStandIn, scratch: string, more: Partial<GitHubOptions> = {}): Desk {
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
