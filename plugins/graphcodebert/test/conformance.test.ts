import { pluginConformance } from '@silane/testkit'
import graphcodebert from '../src/index.ts'

pluginConformance(graphcodebert, { root: new URL('..', import.meta.url) })
