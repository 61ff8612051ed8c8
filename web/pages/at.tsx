import { Page } from '../parts/page.tsx'
import { Empty } from '../parts/states.tsx'
import { hrefTo, place } from '../shell/place.ts'
import { Audit } from './audit.tsx'
import { EnvironmentDifference } from './environments/difference.tsx'
import { Environment } from './environments/environment.tsx'
import { Environments } from './environments/environments.tsx'
import { Images } from './images/images.tsx'
import { IndexDifference } from './index/difference.tsx'
import { Generations } from './index/generations.tsx'
import { Indexes } from './index/indexes.tsx'
import { Package } from './index/package.tsx'
import { Packages } from './index/packages.tsx'
import { Execution } from './jobs/execution.tsx'
import { Jobs } from './jobs/jobs.tsx'
import { AllMoves } from './moves.tsx'
import { Overview } from './overview.tsx'
import { Product } from './releases/product.tsx'
import { Release } from './releases/release.tsx'
import { Releases } from './releases/releases.tsx'
import { Runs } from './runs.tsx'
import { SnapshotDifference, Snapshots } from './store/snapshots.tsx'
import { Store } from './store/store.tsx'
import { Difference } from './releases/difference.tsx'

/** The page of where we are. */
export function PageAt() {
  const { path } = place.value
  const page = pageAt(path)
  return page === undefined || page === false ? <Missing /> : page
}

function pageAt([first = '', ...rest]: readonly string[]) {
  switch (first) {
    case '':
      return <Overview />
    case 'moves':
      return rest.length === 0 && <AllMoves />
    case 'releases':
      return releasesAt(rest)
    case 'index':
      return indexAt(rest)
    case 'images':
      return rest.length === 0 && <Images />
    case 'environments':
      return environmentsAt(rest)
    case 'runs':
      return rest.length === 0 && <Runs />
    case 'jobs':
      return rest[0] === undefined ? <Jobs /> : <Execution id={rest[0]} />
    case 'store':
      return storeAt(rest.join('/'))
    case 'audit':
      return rest.length === 0 && <Audit />
    default:
      return undefined
  }
}

function releasesAt([product, second, third]: readonly string[]) {
  if (product === undefined) return <Releases />
  if (second === undefined) return <Product product={product} />
  if (second === 'diff' && third === undefined) return <Difference product={product} />
  return third === undefined ? undefined : <Release product={product} variant={second} release={third} />
}

function indexAt([environment, view = 'generations']: readonly string[]) {
  if (environment === undefined) return <Indexes />
  switch (view) {
    case 'packages':
      return <Packages environment={environment} />
    case 'package':
      return <Package environment={environment} />
    case 'generations':
      return <Generations environment={environment} />
    case 'diff':
      return <IndexDifference environment={environment} />
    default:
      return undefined
  }
}

function environmentsAt([name, view]: readonly string[]) {
  if (name === undefined) return <Environments />
  if (view === undefined) return <Environment name={name} />
  return view === 'diff' ? <EnvironmentDifference name={name} /> : undefined
}

function storeAt(view: string) {
  switch (view) {
    case '':
      return <Store />
    case 'snapshots':
      return <Snapshots />
    case 'snapshots/diff':
      return <SnapshotDifference />
    default:
      return undefined
  }
}

function Missing() {
  return (
    <Page title="No such page">
      <Empty>
        There is nothing at this address. The <a href={hrefTo([''])}>overview</a> leads to all there is.
      </Empty>
    </Page>
  )
}
