import { environmentActions } from '../actions/environments.ts'
import { imageActions } from '../actions/images.ts'
import { jobActions } from '../actions/jobs.ts'
import { indexActions } from '../actions/python-index.ts'
import { releaseActions } from '../actions/releases.ts'
import { auditRoutes } from './audit.ts'
import { environmentRoutes } from './environments.ts'
import { imageRoutes } from './images.ts'
import { jobRoutes } from './jobs.ts'
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
  ...imageRoutes,
  ...jobRoutes,
  ...auditRoutes,
  ...releaseActions,
  ...indexActions,
  ...environmentActions,
  ...imageActions,
  ...jobActions,
]
