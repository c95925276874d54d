import { InferenceSession, Tensor } from 'onnxruntime-node'
import { readFileSync, readdirSync } from 'node:fs'
import { buildEncoderModel } from '../gpu-worker/encode/encoder-model.ts'
import { createSeededCheckpoint } from '../gpu-worker/model/seeded.ts'
const vocabulary=['[PAD]','[UNK]','[CLS]','[SEP]','[MASK]',...Array.from({length:7995},(_,n)=>`w${n}`)]
const cp=createSeededCheckpoint({vocabulary,seed:1})
const ids=new Tensor('int64',BigInt64Array.from({length:32*64},(_,i)=>BigInt(5+(i*7919)%7000)),[32,64]), mask=new Tensor('float32',new Float32Array(32*64).fill(1),[32,64])
const s=await InferenceSession.create(buildEncoderModel(cp,{precision:'int8'}),{executionProviders:['cpu'],intraOpNumThreads:2,interOpNumThreads:1,graphOptimizationLevel:'all',enableProfiling:true,profileFilePrefix:'/tmp/ortprof'} as any)
for(let i=0;i<30;i++)await s.run({ids,mask})
s.endProfiling(); await s.release()
const f=readdirSync('/tmp').filter(x=>x.startsWith('ortprof')).sort().pop()!
const ev=JSON.parse(readFileSync('/tmp/'+f,'utf8')); const by:any={}
for(const e of ev) if(e.cat==='Node'&&e.name.endsWith('_kernel_time')){const k=e.args.op_name;by[k]=(by[k]||0)+e.dur}
const tot=Object.values(by).reduce((a:any,b:any)=>a+b,0) as number
for(const [k,v] of Object.entries(by).sort((a:any,b:any)=>b[1]-a[1])) console.log(k,(v as number/30/1000).toFixed(2)+'ms',((v as number)/tot*100).toFixed(1)+'%')
