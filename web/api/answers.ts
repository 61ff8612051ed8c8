// Made by npm run generate from the routes of src/server.

/** What each operation of the API answers. */
export interface Answers {
  readonly getOverview: {
    readonly moves: readonly ({
      readonly group: string
      readonly name: string
      readonly shown: string
      readonly environment?: string
      readonly prefixes?: readonly (string)[]
      readonly id: string
      readonly generation: number
      readonly at: string
      readonly by: string
      readonly action: string
      readonly message?: string
    })[]
    readonly attention: readonly ({
      readonly capability: 'releases' | 'index' | 'environments'
      readonly name: string
      readonly environment?: string
      readonly what: string
    })[]
    readonly releases: {
      readonly products: number
      readonly variants: number
      readonly releases: number
      readonly bytes: number
    }
    readonly index: {
      readonly environments: number
      readonly indexes: number
      readonly files: number
      readonly bytes: number
    }
    readonly snapshots: {
      readonly snapshots: number
      readonly bytes: number
    }
    readonly environments: {
      readonly environments: number
      readonly snapshots: number
      readonly bytes: number
    }
    readonly runs: boolean
  }
  readonly listMoves: {
    readonly items: readonly ({
      readonly group: string
      readonly name: string
      readonly shown: string
      readonly environment?: string
      readonly prefixes?: readonly (string)[]
      readonly id: string
      readonly generation: number
      readonly at: string
      readonly by: string
      readonly action: string
      readonly message?: string
    })[]
    readonly total: number
    readonly next?: string
  }
  readonly listProducts: {
    readonly products: readonly ({
      readonly product: string
      readonly variantLabel: string
      readonly published: boolean
      readonly variants: readonly ({
        readonly variant: string
        readonly configured: boolean
        readonly generation: number
        readonly stable?: {
          readonly variant: string
          readonly channels: readonly (string)[]
          readonly archived?: {
            readonly at: string
            readonly release: string
            readonly why: string
          }
          readonly id: string
          readonly digest?: string
          readonly size: number
          readonly fileCount: number
          readonly created: string
          readonly by: string
          readonly message?: string
          readonly sources: Readonly<Record<string, {
            readonly system: string
            readonly commit: string
            readonly dirty: boolean
          }>>
        }
        readonly lastStable?: {
          readonly variant: string
          readonly channels: readonly (string)[]
          readonly archived?: {
            readonly at: string
            readonly release: string
            readonly why: string
          }
          readonly id: string
          readonly digest?: string
          readonly size: number
          readonly fileCount: number
          readonly created: string
          readonly by: string
          readonly message?: string
          readonly sources: Readonly<Record<string, {
            readonly system: string
            readonly commit: string
            readonly dirty: boolean
          }>>
        }
        readonly others: readonly ({
          readonly variant: string
          readonly channels: readonly (string)[]
          readonly archived?: {
            readonly at: string
            readonly release: string
            readonly why: string
          }
          readonly id: string
          readonly digest?: string
          readonly size: number
          readonly fileCount: number
          readonly created: string
          readonly by: string
          readonly message?: string
          readonly sources: Readonly<Record<string, {
            readonly system: string
            readonly commit: string
            readonly dirty: boolean
          }>>
        })[]
        readonly archives: number
        readonly releases: number
        readonly newestArchive?: string
        readonly size: number
        readonly publishedInLine?: boolean
        readonly lastMove?: {
          readonly at: string
          readonly by: string
          readonly action: string
          readonly message?: string
        }
      })[]
    })[]
  }
  readonly getProduct: {
    readonly product: string
    readonly variantLabel: string
    readonly published: boolean
    readonly variants: readonly ({
      readonly variant: string
      readonly configured: boolean
      readonly generation: number
      readonly stable?: {
        readonly variant: string
        readonly channels: readonly (string)[]
        readonly archived?: {
          readonly at: string
          readonly release: string
          readonly why: string
        }
        readonly id: string
        readonly digest?: string
        readonly size: number
        readonly fileCount: number
        readonly created: string
        readonly by: string
        readonly message?: string
        readonly sources: Readonly<Record<string, {
          readonly system: string
          readonly commit: string
          readonly dirty: boolean
        }>>
      }
      readonly lastStable?: {
        readonly variant: string
        readonly channels: readonly (string)[]
        readonly archived?: {
          readonly at: string
          readonly release: string
          readonly why: string
        }
        readonly id: string
        readonly digest?: string
        readonly size: number
        readonly fileCount: number
        readonly created: string
        readonly by: string
        readonly message?: string
        readonly sources: Readonly<Record<string, {
          readonly system: string
          readonly commit: string
          readonly dirty: boolean
        }>>
      }
      readonly others: readonly ({
        readonly variant: string
        readonly channels: readonly (string)[]
        readonly archived?: {
          readonly at: string
          readonly release: string
          readonly why: string
        }
        readonly id: string
        readonly digest?: string
        readonly size: number
        readonly fileCount: number
        readonly created: string
        readonly by: string
        readonly message?: string
        readonly sources: Readonly<Record<string, {
          readonly system: string
          readonly commit: string
          readonly dirty: boolean
        }>>
      })[]
      readonly archives: number
      readonly releases: number
      readonly newestArchive?: string
      readonly size: number
      readonly publishedInLine?: boolean
      readonly lastMove?: {
        readonly at: string
        readonly by: string
        readonly action: string
        readonly message?: string
      }
    })[]
  }
  readonly listReleases: {
    readonly items: readonly ({
      readonly variant: string
      readonly channels: readonly (string)[]
      readonly archived?: {
        readonly at: string
        readonly release: string
        readonly why: string
      }
      readonly id: string
      readonly digest?: string
      readonly size: number
      readonly fileCount: number
      readonly created: string
      readonly by: string
      readonly message?: string
      readonly sources: Readonly<Record<string, {
        readonly system: string
        readonly commit: string
        readonly dirty: boolean
      }>>
    })[]
    readonly total: number
    readonly next?: string
  }
  readonly listReleaseMoves: {
    readonly items: readonly ({
      readonly variant: string
      readonly generation: number
      readonly at: string
      readonly by: string
      readonly action: string
      readonly message?: string
      readonly channels: Readonly<Record<string, string>>
    })[]
    readonly total: number
    readonly next?: string
  }
  readonly getRelease: {
    readonly variant: string
    readonly channels: readonly (string)[]
    readonly archived?: {
      readonly at: string
      readonly release: string
      readonly why: string
    }
    readonly id: string
    readonly digest?: string
    readonly size: number
    readonly fileCount: number
    readonly created: string
    readonly by: string
    readonly message?: string
    readonly sources: Readonly<Record<string, {
      readonly system: string
      readonly commit: string
      readonly dirty: boolean
    }>>
    readonly as: string
    readonly variantLabel: string
    readonly fields: Readonly<Record<string, string>>
    readonly files: readonly ({
      readonly path: string
      readonly size: number
      readonly digest: string
      readonly sha1: string
      readonly mode: number
      readonly download: string
    })[]
    readonly pinned: boolean
    readonly published: readonly (string)[]
  }
  readonly compareReleases: {
    readonly a: {
      readonly id: string
      readonly as: string
    }
    readonly b: {
      readonly id: string
      readonly as: string
    }
    readonly sameFiles: boolean
    readonly files: readonly ({
      readonly change: 'add' | 'change' | 'remove'
      readonly path: string
      readonly before?: {
        readonly size: number
        readonly digest: string
      }
      readonly after?: {
        readonly size: number
        readonly digest: string
      }
    })[]
    readonly sources: readonly ({
      readonly name: string
      readonly a?: {
        readonly system: string
        readonly commit: string
        readonly dirty: boolean
      }
      readonly b?: {
        readonly system: string
        readonly commit: string
        readonly dirty: boolean
      }
    })[]
    readonly fields: readonly ({
      readonly name: string
      readonly a?: string
      readonly b?: string
    })[]
  }
  readonly listIndexEnvironments: {
    readonly environments: readonly ({
      readonly name: string
      readonly bucket: string
      readonly urls: readonly (string)[]
      readonly prefixes: readonly (string)[]
      readonly protected: boolean
      readonly mount: string
      readonly generation?: number
      readonly indexes: readonly ({
        readonly prefix: string
        readonly generation: number
        readonly at: string
        readonly action: string
        readonly projects: number
        readonly files: number
        readonly bytes: number
        readonly refused: number
      })[]
    })[]
  }
  readonly getIndexEnvironment: {
    readonly name: string
    readonly bucket: string
    readonly urls: readonly (string)[]
    readonly prefixes: readonly (string)[]
    readonly protected: boolean
    readonly mount: string
    readonly generation?: number
    readonly indexes: readonly ({
      readonly prefix: string
      readonly generation: number
      readonly at: string
      readonly action: string
      readonly projects: number
      readonly files: number
      readonly bytes: number
      readonly refused: number
    })[]
  }
  readonly listPackages: {
    readonly items: readonly ({
      readonly name: string
      readonly files: number
      readonly bytes: number
      readonly refused: number
    })[]
    readonly total: number
    readonly next?: string
  }
  readonly getPackage: {
    readonly name: string
    readonly status: {
      readonly status: string
      readonly reason?: string
    }
    readonly files: readonly ({
      readonly name: string
      readonly kind: 'wheel' | 'sdist'
      readonly version: string
      readonly size: number
      readonly digest?: string
      readonly uploaded: string
      readonly requiresPython?: string
      readonly yanked?: string
      readonly metadata?: string
    })[]
    readonly refused: readonly ({
      readonly name: string
      readonly size: number
      readonly reason: string
    })[]
    readonly withdrawn: readonly ({
      readonly name: string
      readonly kind: 'wheel' | 'sdist'
      readonly version: string
      readonly size: number
      readonly digest?: string
      readonly uploaded: string
      readonly requiresPython?: string
      readonly yanked?: string
      readonly metadata?: string
      readonly why: string
      readonly since: string
    })[]
  }
  readonly listGenerations: {
    readonly items: readonly ({
      readonly generation: number
      readonly at: string
      readonly by: string
      readonly action: string
      readonly message?: string
      readonly prefixes: Readonly<Record<string, {
        readonly catalogue: string | null
        readonly isKept: boolean
        readonly isCurrent: boolean
      }>>
    })[]
    readonly total: number
    readonly next?: string
  }
  readonly compareIndexes: {
    readonly projects: readonly ({
      readonly name: string
      readonly added: readonly ({
        readonly name: string
        readonly kind: 'wheel' | 'sdist'
        readonly version: string
        readonly size: number
        readonly digest?: string
        readonly uploaded: string
        readonly requiresPython?: string
        readonly yanked?: string
        readonly metadata?: string
      })[]
      readonly removed: readonly ({
        readonly name: string
        readonly kind: 'wheel' | 'sdist'
        readonly version: string
        readonly size: number
        readonly digest?: string
        readonly uploaded: string
        readonly requiresPython?: string
        readonly yanked?: string
        readonly metadata?: string
      })[]
      readonly changed: readonly ({
        readonly name: string
        readonly what: readonly (string)[]
      })[]
      readonly refused: readonly ({
        readonly name: string
        readonly reason: string
      })[]
      readonly status?: {
        readonly before: {
          readonly status: string
          readonly reason?: string
        }
        readonly after: {
          readonly status: string
          readonly reason?: string
        }
      }
    })[]
    readonly same: number
    readonly files: {
      readonly added: number
      readonly removed: number
      readonly changed: number
      readonly refused: number
    }
  }
  readonly listEnvironments: {
    readonly environments: readonly ({
      readonly name: string
      readonly live: string
      readonly liveExists: boolean
      readonly isUnmounted: boolean
      readonly snapshotName: string
      readonly configured: string
      readonly mode?: string
      readonly why?: string
      readonly snapshots: number
      readonly newest?: string
      readonly damaged: readonly ({
        readonly name: string
        readonly why: string
      })[]
      readonly last?: {
        readonly snapshot: string
        readonly mode: string
        readonly at: string
        readonly milliseconds: number
        readonly fellBack?: boolean
      }
      readonly unfinished?: string
    })[]
  }
  readonly getEnvironment: {
    readonly name: string
    readonly live: string
    readonly liveExists: boolean
    readonly isUnmounted: boolean
    readonly snapshotName: string
    readonly configured: string
    readonly mode?: string
    readonly why?: string
    readonly snapshots: number
    readonly newest?: string
    readonly damaged: readonly ({
      readonly name: string
      readonly why: string
    })[]
    readonly last?: {
      readonly snapshot: string
      readonly mode: string
      readonly at: string
      readonly milliseconds: number
      readonly fellBack?: boolean
    }
    readonly unfinished?: string
    readonly list: readonly ({
      readonly name: string
      readonly mode: string
      readonly created: string
      readonly entries: number
      readonly bytes: number
      readonly stored?: number
      readonly lastUsed?: string
      readonly inUse: boolean
    })[]
    readonly foreign: readonly (string)[]
    readonly restores: readonly ({
      readonly snapshot: string
      readonly mode: string
      readonly at: string
      readonly milliseconds: number
      readonly fellBack?: boolean
    })[]
  }
  readonly compareEnvironment: {
    readonly from: string
    readonly to: string
    readonly counts: {
      readonly added: number
      readonly changed: number
      readonly removed: number
    }
    readonly bytes: {
      readonly added: number
      readonly changed: number
      readonly removed: number
    }
    readonly differences: readonly ({
      readonly change: 'added' | 'changed' | 'removed'
      readonly path: string
      readonly kind: string
      readonly before: number
      readonly after: number
      readonly aspects: readonly (string)[]
    })[]
  }
  readonly listProjects: {
    readonly folder: string
    readonly way: 'pages' | 'manifest' | 'walk'
    readonly generated?: string
    readonly projects: readonly ({
      readonly project: string
      readonly runs: number
      readonly bytes: number
      readonly updated?: string
      readonly statuses: Readonly<Record<string, number>>
    })[]
  }
  readonly listRuns: {
    readonly folder: string
    readonly way: 'pages' | 'manifest' | 'walk'
    readonly generated?: string
    readonly items: readonly ({
      readonly project: string
      readonly name: string
      readonly runId: string
      readonly status?: string
      readonly created?: string
      readonly updated?: string
      readonly files: number
      readonly bytes: number
    })[]
    readonly total: number
    readonly next?: string
  }
  readonly listSnapshots: {
    readonly items: readonly ({
      readonly id: string
      readonly name: string
      readonly root: string
      readonly created: string
      readonly host: string
      readonly by: string
      readonly base: string
      readonly paths: readonly (string)[]
      readonly tags: readonly (string)[]
      readonly message?: string
      readonly size: number
      readonly files: number
      readonly problems: number
      readonly pinned: boolean
    })[]
    readonly total: number
    readonly next?: string
    readonly bytes: number
  }
  readonly getSnapshot: {
    readonly id: string
    readonly name: string
    readonly root: string
    readonly created: string
    readonly host: string
    readonly by: string
    readonly base: string
    readonly paths: readonly (string)[]
    readonly tags: readonly (string)[]
    readonly message?: string
    readonly size: number
    readonly files: number
    readonly problems: number
    readonly pinned: boolean
    readonly counts: Readonly<Record<string, number>>
    readonly exclude: readonly (string)[]
  }
  readonly compareSnapshots: {
    readonly a: string
    readonly b: string
    readonly isCut: boolean
    readonly differences: readonly ({
      readonly change: 'added' | 'changed' | 'removed'
      readonly path: string
      readonly kind: string
      readonly aspects: readonly (string)[]
    })[]
  }
  readonly getStore: {
    readonly name: string
    readonly id?: string
    readonly format?: string
  }
  readonly measureStore: {
    readonly kinds: Readonly<Record<string, {
      readonly objects: number
      readonly bytes: number
    }>>
    readonly total: {
      readonly objects: number
      readonly bytes: number
    }
    readonly unneeded?: {
      readonly condemned: {
        readonly objects: number
        readonly bytes: number
      }
      readonly unreached: {
        readonly objects: number
        readonly bytes: number
      }
      readonly repacked: {
        readonly objects: number
        readonly bytes: number
      }
    }
    readonly unknown?: string
  }
  readonly crossReferenceImages: {
    readonly repo?: string
    readonly source: string
    readonly looked: number
    readonly tags: readonly ({
      readonly tag: string
      readonly platform: string
      readonly run: {
        readonly id: number
        readonly number: number
        readonly attempt: number
        readonly branch: string
        readonly created: string
        readonly url: string
      }
      readonly images: readonly ({
        readonly family: string
        readonly repository: string
        readonly tag: string
        readonly present: boolean
      })[]
    })[]
    readonly missing: number
    readonly extra: readonly ({
      readonly repository: string
      readonly tag: string
    })[]
    readonly unusable: readonly ({
      readonly run: {
        readonly id: number
        readonly number: number
        readonly attempt: number
        readonly branch: string
        readonly created: string
        readonly url: string
      }
      readonly tag?: string
      readonly reason: string
    })[]
    readonly unread: readonly ({
      readonly run: {
        readonly id: number
        readonly number: number
        readonly attempt: number
        readonly branch: string
        readonly created: string
        readonly url: string
      }
      readonly reason: string
    })[]
    readonly notes: readonly (string)[]
  }
  readonly measureImages: {
    readonly tags: readonly ({
      readonly repository: string
      readonly tag: string
      readonly digest: string
      readonly bytes: number
      readonly layers: number
      readonly shared: {
        readonly layers: number
        readonly bytes: number
      }
    })[]
    readonly bytes: number
    readonly unique: number
    readonly unread: readonly ({
      readonly repository: string
      readonly tag: string
      readonly reason: string
    })[]
    readonly left: number
  }
  readonly listJobs: {
    readonly queue: string
    readonly jobs: readonly ({
      readonly name: string
      readonly run: string
      readonly schedule: string
      readonly next?: string
      readonly fired: number
      readonly open: number
      readonly ended?: string
      readonly exit?: number
      readonly succeeded?: string
      readonly failures: number
    })[]
    readonly counts: Readonly<Record<string, number>>
    readonly workers: readonly ({
      readonly id: string
      readonly host: string
      readonly pid: number
      readonly concurrency: number
      readonly started: string
      readonly beaten: string
    })[]
  }
  readonly listExecutions: {
    readonly executions: readonly ({
      readonly id: number
      readonly run: string
      readonly job?: string
      readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'dead' | 'cancelled'
      readonly attempt: number
      readonly due: string
      readonly created: string
      readonly started?: string
      readonly ended?: string
      readonly worker?: string
      readonly isCancelling: boolean
      readonly exit?: number
      readonly code?: string
      readonly message?: string
      readonly summary?: string
      readonly requests?: number
      readonly bytes?: number
      readonly progress?: {
        readonly task: string
        readonly items: number
        readonly bytes: number
        readonly totalItems?: number
        readonly totalBytes?: number
      }
    })[]
  }
  readonly getExecution: {
    readonly id: number
    readonly run: string
    readonly job?: string
    readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'dead' | 'cancelled'
    readonly attempt: number
    readonly due: string
    readonly created: string
    readonly started?: string
    readonly ended?: string
    readonly worker?: string
    readonly isCancelling: boolean
    readonly exit?: number
    readonly code?: string
    readonly message?: string
    readonly summary?: string
    readonly requests?: number
    readonly bytes?: number
    readonly progress?: {
      readonly task: string
      readonly items: number
      readonly bytes: number
      readonly totalItems?: number
      readonly totalBytes?: number
    }
    readonly log: readonly ({
      readonly id: number
      readonly attempt: number
      readonly at: string
      readonly text: string
    })[]
  }
  readonly listAudit: {
    readonly entries: readonly ({
      readonly seq: number
      readonly at: string
      readonly request: string
      readonly kind: 'began' | 'done' | 'failed'
      readonly action: string
      readonly by: string
      readonly from: string
      readonly what: unknown
      readonly before?: unknown
      readonly after?: unknown
      readonly message?: string
      readonly chain: string
    })[]
  }
  readonly promoteRelease: {
    readonly dryRun: boolean
    readonly plan: string
    readonly lines: readonly (string)[]
    readonly before?: unknown
    readonly after?: unknown
  }
  readonly rollBackRelease: {
    readonly dryRun: boolean
    readonly plan: string
    readonly lines: readonly (string)[]
    readonly before?: unknown
    readonly after?: unknown
  }
  readonly promoteIndex: {
    readonly dryRun: boolean
    readonly plan: string
    readonly lines: readonly (string)[]
    readonly before?: unknown
    readonly after?: unknown
  }
  readonly rollBackIndex: {
    readonly dryRun: boolean
    readonly plan: string
    readonly lines: readonly (string)[]
    readonly before?: unknown
    readonly after?: unknown
  }
  readonly restoreEnvironment: {
    readonly dryRun: boolean
    readonly plan: string
    readonly lines: readonly (string)[]
    readonly before?: unknown
    readonly after?: unknown
  }
  readonly retagImage: {
    readonly dryRun: boolean
    readonly plan: string
    readonly lines: readonly (string)[]
    readonly before?: unknown
    readonly after?: unknown
  }
  readonly runJob: {
    readonly dryRun: boolean
    readonly plan: string
    readonly lines: readonly (string)[]
    readonly before?: unknown
    readonly after?: unknown
  }
  readonly retryExecution: {
    readonly dryRun: boolean
    readonly plan: string
    readonly lines: readonly (string)[]
    readonly before?: unknown
    readonly after?: unknown
  }
  readonly cancelExecution: {
    readonly dryRun: boolean
    readonly plan: string
    readonly lines: readonly (string)[]
    readonly before?: unknown
    readonly after?: unknown
  }
  readonly verifyStore: {
    readonly dryRun: boolean
    readonly plan: string
    readonly lines: readonly (string)[]
    readonly before?: unknown
    readonly after?: unknown
  }
}
