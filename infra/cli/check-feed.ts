/** @file The gate before an import: reads the whole file once, so that a broken feed is refused before its first row is sent. */
import { cleanItem } from '../../shared/quality/clean.ts'
import { applyFieldMap, type FieldMap } from '../../shared/quality/field-map.ts'
import { gateOf, gateSentence } from '../../shared/quality/report/gate.ts'
import { readCatalogue } from './catalogue-file.ts'
import { Failure } from './failure.ts'
import { createProgress } from './progress.ts'

/**
 * @param hideMax percent of the rows that may be kept out of the shop
 * @throws Failure when more would be
 */
export async function checkFeed(
  file: string,
  map: FieldMap,
  { hideMax, quiet }: { hideMax?: number | undefined; quiet: boolean },
): Promise<void> {
  const progress = createProgress('checking', quiet)
  let received = 0
  let hidden = 0
  for await (const { row, bytesRead, bytesTotal } of readCatalogue(file)) {
    received++
    if (cleanItem('_unreadable' in row ? row : applyFieldMap(map, row)).item === null) hidden++
    progress.update(bytesRead, bytesTotal, `${received} rows`)
  }
  progress.done(`${received} rows, ${hidden} would go to quarantine`)
  const gate = gateOf(hidden, received, hideMax === undefined ? undefined : hideMax / 100)
  if (!gate.passed) throw new Failure(gateSentence(gate, file))
}
