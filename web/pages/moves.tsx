import { usePages } from '../api/answer.ts'
import { Moves } from '../parts/moves.tsx'
import { Page } from '../parts/page.tsx'
import { Empty, Failed, Waiting } from '../parts/states.tsx'
import { countText } from '../parts/words.ts'
import { hrefTo, place, setQuery } from '../shell/place.ts'

const groups = ['releases', 'index', 'snapshots'] as const

export function AllMoves() {
  const group = place.value.query.get('group')
  const { items, total, trouble, hasMore, more, again } = usePages('listMoves', '/moves', { group })
  return (
    <Page title="Moves" trail={[['Overview', hrefTo([''])]]}>
      <div class="tabs">
        {[undefined, ...groups].map((each) => (
          <button key={each ?? ''} type="button" aria-pressed={each === group} onClick={() => setQuery({ group: each })}>
            {each ?? 'all'}
          </button>
        ))}
      </div>
      {trouble !== undefined && <Failed trouble={trouble} again={again} />}
      {items === undefined && trouble === undefined && <Waiting />}
      {items?.length === 0 && <Empty>No name has moved here yet.</Empty>}
      {items !== undefined && items.length > 0 && (
        <>
          <Moves moves={items} />
          <p class="more">
            <span role="status">
              {countText(items.length)} of {countText(total)}
            </span>
            {hasMore && (
              <button type="button" onClick={more}>
                Show more
              </button>
            )}
          </p>
        </>
      )}
    </Page>
  )
}
