import { environmentRoutes } from './environments.ts'
import { overviewRoutes } from './overview.ts'
import { indexRoutes } from './python-index.ts'
import { releaseRoutes } from './releases.ts'
import type { Route } from './route.ts'
import { runRoutes } from './runs.ts'
import { snapshotRoutes } from './snapshots.ts'
import { storeRoutes } from './store.ts'

/** Everything that the API can do. */
export const allRoutes: readonly Route[] = [
  ...overviewRoutes,
  ...releaseRoutes,
  ...indexRoutes,
  ...environmentRoutes,
  ...runRoutes,
  ...snapshotRoutes,
  ...storeRoutes,
]
