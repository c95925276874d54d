#!/usr/bin/env node
/** @file The command line. Parses arguments and prints; what a command does lives in the file of its name. */
import { Command, InvalidArgumentError, Option } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { HIDDEN_SHARE_MAX } from '../../shared/quality/report/gate.ts'
import { type ConnectOptions, connect, STATE_DIR_DEFAULT } from './client.ts'
import { Failure, sentenceOf } from './failure.ts'

const integer = (low: number, high: number) => (text: string) => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < low || value > high)
    throw new InvalidArgumentError(`Expected a whole number from ${low} to ${high}.`)
  return value
}

const positive = (text: string) => {
  const value = Number(text)
  if (!(value > 0 && value < Number.POSITIVE_INFINITY))
    throw new InvalidArgumentError('Expected a number above 0.')
  return value
}

const HIDE_MAX_DEFAULT = 100 * HIDDEN_SHARE_MAX
const percent = (text: string) => {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 100))
    throw new InvalidArgumentError('Expected a percentage from 0 to 100.')
  return value
}

const program = new Command('aisle')
  .description('Search and recommendation for online shops, at the edge.')
  .version(packageJson.version)
  .showHelpAfterError('(add --help for the options)')

/** Options of every command that talks to a running Aisle. */
const remote = (command: Command) =>
  command
    .option('--url <url>', 'address of Aisle (default: the one that "aisle start" runs)')
    .option('--key <key>', 'API key (default: AISLE_KEY, then the state folder)')
    .option('--state <dir>', 'state folder of "aisle start"', STATE_DIR_DEFAULT)
    .option('--json', 'print one JSON object')

type Remote = ConnectOptions & { json?: boolean }
type RecommendOptions = {
  user?: string
  batch?: string
  out?: string
  item?: string
  scenario?: string
  lang?: string
  limit: number
}
const print = <T>(value: T, json: boolean | undefined, render: (value: T) => string) =>
  console.log(json ? JSON.stringify(value) : render(value))

program
  .command('start')
  .description('run everything locally: edge, queue, DynamoDB, worker and a sample shop')
  .option('--state <dir>', 'folder for all state', STATE_DIR_DEFAULT)
  .option('--port <n>', 'port of the edge (default: 8787, or the next free one)', integer(0, 65_535))
  .option('--catalog <file>', 'import this catalogue instead of the sample shop')
  .option('--map <file>', 'field map of the catalogue')
  .option('--workers <n>', 'GPU-worker processes', integer(0, 16), 1)
  .option('--no-sample', 'start empty')
  .action(async (options) => {
    if (Boolean(options.catalog) !== Boolean(options.map))
      throw new Failure('--catalog and --map belong together: give both or neither.')
    const { start } = await import('./start.ts')
    await start(options)
    process.exit(0)
  })

remote(program.command('import'))
  .description('import a catalogue: NDJSON, JSON array, CSV or TSV, plain or .gz')
  .argument('<file>', 'catalogue file')
  .requiredOption('--map <file>', 'field map: how the columns become item fields')
  .option('--wait', 'return when every accepted item is searchable')
  .option(
    '--hide-max <percent>',
    'refuse a file that would keep more of its rows out of the shop',
    percent,
    HIDE_MAX_DEFAULT,
  )
  .option('--force', 'import it all the same')
  .action(
    async (
      file: string,
      options: Remote & { map: string; wait?: boolean; hideMax: number; force?: boolean },
    ) => {
      const { importFile, readFieldMap } = await import('./import.ts')
      const outcome = await importFile(connect(options), file, readFieldMap(options.map), {
        wait: options.wait ?? false,
        force: options.force ?? false,
        hideMax: options.hideMax,
        quiet: options.json ?? false,
      })
      print(outcome, options.json, (o) =>
        [
          `${o.received} received: ${o.accepted} accepted (${o.duplicates} duplicates), ${o.quarantined} in quarantine;`,
          `${o.searchable} searchable after ${o.seconds} s.`,
        ].join(' '),
      )
    },
  )

program
  .command('quality')
  .description('judge a catalogue file by every rule: what is wrong, and what to fix first')
  .argument('<file>', 'catalogue file')
  .requiredOption('--map <file>', 'field map: how the columns become item fields')
  .option('--report <file>', 'write the report as a page of HTML')
  .option('--since <file>', 'an earlier report of the feed (from --json): shows the trend')
  .option(
    '--hide-max <percent>',
    'fail when more of the rows would be kept out of the shop',
    percent,
    HIDE_MAX_DEFAULT,
  )
  .option('--force', 'do not fail for that')
  .option('--json', 'print the report as one JSON object')
  .action(async (file: string, options) => {
    const { assessFile, refusalOf, renderReport } = await import('./quality.ts')
    const report = await assessFile(file, { ...options, quiet: options.json ?? false }, Date.now())
    print(report, options.json, renderReport)
    const refusal = refusalOf(report, options.force)
    if (refusal === null) return
    // Not thrown: the end of the process would cut a long report off.
    console.error(`aisle: ${refusal}`)
    process.exitCode = 1
  })

remote(program.command('search'))
  .description('search the catalogue')
  .argument('<query>')
  .option('--limit <n>', 'results', integer(1, 100), 10)
  .option('--filter <text>', `e.g. 'price<100 AND brand="HP" AND inStock'`)
  .addOption(new Option('--mode <mode>', 'how to match').choices(['hybrid', 'lexical', 'vector']))
  .action(async (text: string, options: Remote & { limit: number; filter?: string; mode?: string }) => {
    const { renderHits, search } = await import('./ask.ts')
    print(await search(connect(options, 'public'), text, options), options.json, renderHits)
  })

remote(program.command('recommend'))
  .description('recommend items to a shopper, or to many')
  .option('--user <id>', 'the shopper, as your shop names them')
  .option('--batch <file>', 'a shopper on each line, for --out')
  .option('--out <file>', 'where their lists go: NDJSON of userId, hits and what was degraded')
  .option('--item <id>', 'the item being looked at')
  .option('--scenario <name>', 'what the list is for, e.g. buy-again (default: for-you)')
  .addOption(new Option('--lang <language>', 'of the reasons').choices(['en', 'zh']))
  .option('--limit <n>', 'results', integer(1, 100), 10)
  .action(async (options: Remote & RecommendOptions) => {
    const { user, batch, out } = options
    const isBatch = batch !== undefined && out !== undefined
    if ((user !== undefined) === isBatch || (!isBatch && (batch ?? out) !== undefined))
      throw new Failure('Give --user for one list, or --batch and --out for many.')
    const client = connect(options, 'public')
    if (isBatch) {
      const { recommendBatch, renderBatch } = await import('./recommend-batch.ts')
      const many = { ...options, batch, out, quiet: options.json ?? false }
      print(await recommendBatch(client, many), options.json, renderBatch)
    } else {
      const { recommend, renderHits } = await import('./ask.ts')
      print(await recommend(client, user!, options), options.json, renderHits)
    }
  })

remote(program.command('similar'))
  .description('items similar to one')
  .argument('<item>', 'item id')
  .option('--limit <n>', 'results', integer(1, 100), 10)
  .action(async (itemId: string, options: Remote & { limit: number }) => {
    const { renderHits, similar } = await import('./ask.ts')
    print(await similar(connect(options, 'public'), itemId, options.limit), options.json, renderHits)
  })

remote(program.command('status'))
  .description('items, index, model and queue')
  .action(async (options: Remote) => {
    const { renderStatus, status } = await import('./ask.ts')
    print(await status(connect(options)), options.json, renderStatus)
  })

const evaluate = program.command('eval').description('measure quality on your own data')
evaluate
  .command('search')
  .description(
    'with --queries: answer them and write a TREC run (qid Q0 docid rank score tag); with --judgments: nDCG, recall and MRR',
  )
  .requiredOption('--catalog <file>', 'catalogue file')
  .option('--map <file>', 'field map of the catalogue (default with --judgments: the usual column names)')
  .option('--queries <file>', 'lines of qid<TAB>text')
  .option('--out <file>', 'where the run goes')
  .option('--judgments <file>', 'CSV or NDJSON of query, item and relevance')
  .option('--model <dir>', 'model folder, or "none" for words alone (default: the shipped model)')
  .option('--relevant-from <n>', 'relevance from which an item is an answer', Number)
  .addOption(
    new Option('--mode <mode>', 'how to match').choices(['hybrid', 'lexical', 'vector']).default('hybrid'),
  )
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const quiet = options.json ?? false
    if (options.judgments) {
      const { evalJudged, renderQuality } = await import('./eval-judged.ts')
      print(await evalJudged({ ...options, quiet }), options.json, renderQuality)
    } else {
      if (!options.queries || !options.out || !options.map)
        throw new Failure('Give --queries, --map and --out for a run, or --judgments for figures.')
      const { evalSearch } = await import('./eval-search.ts')
      const outcome = await evalSearch({ ...options, quiet })
      print(outcome, options.json, (o) => `${o.results} results for ${o.queries} queries in ${o.out}`)
    }
    process.exit(0)
  })

evaluate
  .command('rerank')
  .description(
    'score (query, title) pairs by a model that "aisle train --recipe search" taught on graded judgments',
  )
  .requiredOption(
    '--pairs <file>',
    'CSV, TSV or NDJSON of id, query and title; a relevance is only compared with',
  )
  .requiredOption('--out <file>', 'where the scores go, as CSV of id and score')
  .requiredOption('--model <dir>', 'model folder')
  .option('--threads <n>', 'CPU threads (default: all)', integer(1, 256))
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { evalRerank, renderRerank } = await import('./eval-rerank.ts')
    print(await evalRerank(options), options.json, renderRerank)
    process.exit(0)
  })

evaluate
  .command('policy')
  .description(
    'what another policy would have earned, from a log with propensities: IPS, SNIPS, doubly robust',
  )
  .requiredOption(
    '--log <file>',
    'CSV, TSV or NDJSON of propensity, target, reward, and for the last estimate modelShown and modelTarget',
  )
  .option('--clip <n>', 'largest weight of a decision (default: none)', Number)
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { evalPolicy, renderPolicy } = await import('./eval-policy.ts')
    print(await evalPolicy(options), options.json, renderPolicy)
  })

evaluate
  .command('next-item')
  .description(
    'rank all items for each line of a file by what a model of "aisle recommend-train" expects next',
  )
  .requiredOption('--model <dir>', 'model folder')
  .requiredOption('--sequences <file>', 'lines of "user item item …", oldest first, plain or .gz')
  .requiredOption('--out <file>', 'where the lines of "user<TAB>item,item,…" go')
  .option('--top <n>', 'items of a line', integer(1, 10_000), 100)
  .option('--exclude-seen', 'leave out what is in the line')
  .option('--sessions', 'lines have no user: its number stands for it (default: as the model was trained)')
  .option('--targets <file>', 'lines of "user item", what came next: prints how good the lists are')
  .option('--leave-one-out', 'as --targets, with the last item of each line held out')
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { evalNextItem, renderNextItem } = await import('./eval-next-item.ts')
    print(await evalNextItem(options), options.json, renderNextItem)
  })

program
  .command('recommend-train')
  .description('learn from what shoppers did which item comes next')
  .requiredOption('--sequences <file>', 'lines of "user item item …", oldest first, plain or .gz')
  .option('--items <file>', 'TSV with item_id, title, and labels such as brand_and_categories')
  .requiredOption('--out <dir>', 'folder of the model')
  .option('--sessions', 'lines are sessions in the order of time, items alone')
  .option('--minutes <n>', 'time that it may take; what costs most is left out first', positive)
  .option('--seed <n>', 'the same seed gives the same model', integer(0, 2 ** 32 - 1), 1)
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { recommendTrain, renderRecommendTrain } = await import('./recommend-train.ts')
    print(await recommendTrain(options), options.json, renderRecommendTrain)
  })

program
  .command('train')
  .description('train or tune a model on your own files; the same command goes on where a run was stopped')
  .requiredOption(
    '--recipe <name or file>',
    'pretrain, search, co-purchase, classify-category, distil-query-encoder, or a JSON file',
  )
  .requiredOption('--catalog <file...>', 'catalogue files; "sample" is the generated shop')
  .option('--map <file...>', 'their field maps, in order (default: the usual column names)')
  .option('--judgments <file>', 'CSV or NDJSON of query, item and relevance')
  .option('--baskets <file>', 'lines of "basket item item …", for co-purchase')
  .option('--queries <file>', 'lines of queries without answers, for pretrain and distil-query-encoder')
  .option('--base <dir>', 'model folder to start from (default: the shipped model; pretrain needs none)')
  .requiredOption('--out <dir>', 'folder of the model, the state to resume from, and the journal')
  .option('--threads <n>', 'CPU threads (default: all)', integer(1, 256))
  .addOption(
    new Option('--provider <provider>', 'where to compute the steps')
      .choices(['auto', 'cpu', 'cuda', 'webgpu'])
      .default('cpu'),
  )
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { renderTuned, trainModel } = await import('./train.ts')
    const outcome = await trainModel({ ...options, quiet: options.json ?? false })
    print(outcome, options.json, (o) =>
      [
        ...(o.tuned ? [renderTuned(o.tuned), ''] : []),
        `Trained in ${o.seconds} s; the model is in ${o.out}.`,
        ...Object.entries(o.metrics).map(([name, value]) => `  ${name}: ${value}`),
      ].join('\n'),
    )
    process.exit(0)
  })

program
  .command('train-ranker')
  .description(
    'learn from impressions which items are clicked, put into the cart and bought; places are divided out',
  )
  .requiredOption(
    '--impressions <file>',
    'CSV, TSV or NDJSON in order of time: request, item, position, click, cart, purchase, and features in [0, 1]',
  )
  .requiredOption('--out <dir>', 'folder of the ranker')
  .addOption(new Option('--kind <kind>', 'of the network').choices(['mmoe', 'shared-bottom']).default('mmoe'))
  .option('--monotone <features...>', 'features of which more must not lower a score; checked and told')
  .option('--seed <n>', 'the same seed gives the same ranker', integer(0, 2 ** 31), 1)
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { renderRanker, trainRankerOn } = await import('./train-ranker.ts')
    print(await trainRankerOn({ ...options, quiet: options.json ?? false }), options.json, renderRanker)
    process.exit(0)
  })

remote(program.command('publish-ranker'))
  .description('rank recommendations by a ranker of "aisle train-ranker"; Aisle tries it first')
  .argument('[dir]', 'folder of the ranker')
  .option('--remove', 'go back to the weights that are set by hand')
  .action(async (directory: string | undefined, options: Remote & { remove?: boolean }) => {
    if ((directory === undefined) !== (options.remove ?? false))
      throw new Failure('Give the folder of a ranker, or --remove.')
    const { publishRanker } = await import('./publish-ranker.ts')
    const run = await publishRanker(connect(options), directory ?? null)
    print(run, options.json, () =>
      directory
        ? 'Recommendations are ranked by it now.'
        : 'Recommendations are ranked by the weights set by hand.',
    )
  })

program
  .command('compress')
  .description('make a model smaller without training: fewer layers, fewer tokens, 16-bit storage')
  .requiredOption('--model <dir>', 'model folder')
  .requiredOption('--out <dir>', 'folder of the smaller model')
  .option('--layers <n>', 'layers to keep, the first ones', integer(1, 96))
  .option(
    '--vocabulary <n>',
    'tokens to keep: the single characters, and those most used on --texts',
    integer(1, 1_000_000),
  )
  .option('--texts <file>', 'lines of texts or queries as they will be encoded, plain or .gz')
  .addOption(
    new Option('--storage <format>', 'of the weights in the file').choices(['f32', 'f16']).default('f32'),
  )
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { compress, renderCompression } = await import('./compress.ts')
    print(await compress(options), options.json, renderCompression)
  })

program
  .command('apply-delta')
  .description('make a model of a base and of what was tuned on it, kept alone as delta.safetensors')
  .requiredOption('--base <dir>', 'model folder that was tuned')
  .requiredOption('--delta <file>', 'delta.safetensors, as "aisle train" leaves it beside its model')
  .requiredOption('--out <dir>', 'folder of the model')
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { applyDeltaFile, renderAppliedDelta } = await import('./apply-delta.ts')
    print(await applyDeltaFile(options), options.json, renderAppliedDelta)
  })

program
  .command('clean')
  .description('find wrong cells of any CSV or TSV table, and what should stand there')
  .argument('<file>', 'table with a header line')
  .option('--labels <file>', 'CSV of some rows with their clean values, first column "row", to learn from')
  .option('--suggest-labels <n>', 'only choose rows whose labels would help most', integer(1, 1_000))
  .option('--out <file>', 'where the suspected cells, or the rows to label, go as CSV')
  .option('--repaired <file>', 'where the table goes with all repairs put in')
  .option('--json', 'print one JSON object')
  .action(async (file: string, { suggestLabels: count, ...options }) => {
    const quiet = options.json ?? false
    const { cleanFile, renderCleaned, suggestLabels } = await import('./clean.ts')
    if (count !== undefined) {
      const suggestion = await suggestLabels(file, { ...options, count, quiet })
      print({ rows: suggestion.rows, out: options.out ?? null }, options.json, () =>
        options.out
          ? `${suggestion.rows.length} rows to correct in ${options.out}; then: --labels ${options.out}`
          : suggestion.csv.trimEnd(),
      )
    } else {
      if (!options.out) throw new Failure('Give --out FILE for the suspected cells.')
      print(await cleanFile(file, { ...options, quiet }), options.json, renderCleaned)
    }
  })

program
  .command('match')
  .description('find the records of two tables, or of one, that are the same thing; or judge given pairs')
  .option('--left <file>', 'table, in a format that "aisle import" reads')
  .option('--right <file>', 'table to link it to')
  .option('--self', 'look for duplicates within --left')
  .option('--id <column>', 'column of the ids (default: the one that looks like it)')
  .option('--pairs <file>', 'pairs to judge, lines of left<TAB>right, records as "COL name VAL value …"')
  .option(
    '--train <file>',
    'labelled pairs to learn from: as --pairs with <TAB>label; for tables a CSV of two ids and maybe a label',
  )
  .option('--valid <file>', 'more of them, for --pairs')
  .option('--groups <file>', 'with --self: where the groups of duplicates go, as CSV')
  .option('--candidates <file>', 'where the pairs of tables that were compared go, as CSV')
  .requiredOption(
    '--out <file>',
    'matches as CSV of left_id, right_id and score; of --pairs a line of score<TAB>decision for each',
  )
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { match, renderMatch } = await import('./match.ts')
    print(await match({ ...options, quiet: options.json ?? false }), options.json, renderMatch)
  })

program
  .command('keys')
  .description('API keys')
  .command('create')
  .description('make a key and the SQL row that a deployment needs to know it')
  .addOption(new Option('--scope <scope>').choices(['public', 'secret']).default('public'))
  .option('--expires-days <n>', 'days until it expires (default: never)', integer(1, 3_650))
  .option('--json', 'print one JSON object')
  .action(async (options: { scope: 'public' | 'secret'; expiresDays?: number; json?: boolean }) => {
    const { createKey } = await import('./keys.ts')
    print(await createKey(options.scope, options.expiresDays, Date.now()), options.json, ({ key, sql }) =>
      [`key  ${key}`, `run  npx wrangler d1 execute aisle --remote --command "${sql}"`].join('\n'),
    )
  })

try {
  await program.parseAsync()
} catch (error) {
  console.error(`aisle: ${sentenceOf(error)}`)
  process.exit(1)
}
