import { Page } from '../parts/page.tsx'
import { Empty } from '../parts/states.tsx'
import { hrefTo, place } from '../shell/place.ts'
import { AllMoves } from './moves.tsx'
import { Overview } from './overview.tsx'
import { Product } from './releases/product.tsx'
import { Release } from './releases/release.tsx'
import { Releases } from './releases/releases.tsx'
import { Difference } from './releases/difference.tsx'

/** The page of where we are. */
export function PageAt() {
  const [first = '', ...rest] = place.value.path
  switch (first) {
    case '':
      return <Overview />
    case 'moves':
      return <AllMoves />
    case 'releases':
      return releasesAt(rest)
    default:
      return <Missing />
  }
}

function releasesAt([product, second, third]: readonly string[]) {
  if (product === undefined) return <Releases />
  if (second === undefined) return <Product product={product} />
  if (second === 'diff' && third === undefined) return <Difference product={product} />
  return third === undefined ? <Missing /> : <Release product={product} variant={second} release={third} />
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
