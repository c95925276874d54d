/** @file Which plan a provider gets. The only place that knows all of them. */
import type { BertConfig } from '../model/config.ts'
import type { Provider } from '../runtime/session.ts'
import { createBufferPlan } from './buffer-plan.ts'
import { createCpuPlan } from './cpu-plan.ts'
import { createLoopPlan } from './loop-plan.ts'
import type { ParameterLayout } from './parameters.ts'
import type { AfterStep, Plan, PlanOptions } from './plan.ts'

/** @param options `afterStep` looks at every gradient, so gradients come out, wherever they are computed */
export function createPlan(
  config: BertConfig,
  layout: ParameterLayout,
  options: PlanOptions & { provider: Provider; afterStep?: AfterStep },
): Plan {
  if (options.provider === 'cpu' || options.afterStep) return createCpuPlan(config, layout, options)
  return options.provider === 'cuda'
    ? createLoopPlan(config, layout, options)
    : createBufferPlan(config, layout, options)
}
