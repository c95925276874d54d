import { InferenceSession, Tensor } from 'onnxruntime-node'
import { buildEncoderModel } from '../gpu-worker/encode/encoder-model.ts'
import { createSeededCheckpoint } from '../gpu-worker/model/seeded.ts'
const vocabulary=['[PAD]','[UNK]','[CLS]','[SEP]','[MASK]',...Array.from({length:7995},(_,n)=>`w${n}`)]
const cp=createSeededCheckpoint({vocabulary,seed:1})
const ids=new Tensor('int64',BigInt64Array.from({length:32*64},(_,i)=>BigInt(5+(i*7919)%7000)),[32,64]), mask=new Tensor('float32',new Float32Array(32*64).fill(1),[32,64])
const variants:any={
 base:{p:'int8',extra:{session:{x64quantprecision:'1',intra_op:{allow_spinning:'0'}}}},
 spin:{p:'int8',extra:{session:{x64quantprecision:'1'}}},
 noprec:{p:'int8',extra:{session:{intra_op:{allow_spinning:'0'}}}},
 spin_noprec:{p:'int8',extra:{}},
 fp32:{p:'fp32',extra:{session:{intra_op:{allow_spinning:'0'}}}},
 fp32spin:{p:'fp32',extra:{}},
}
const sess:any={}
for(const [k,v] of Object.entries(variants) as any) sess[k]=await InferenceSession.create(buildEncoderModel(cp,{precision:v.p}),{executionProviders:['cpu'],intraOpNumThreads:2,interOpNumThreads:1,graphOptimizationLevel:'all',logSeverityLevel:3,extra:v.extra})
const res:any={}
for(let r=0;r<12;r++) for(const k of (r%2?Object.keys(sess):Object.keys(sess).reverse())){const t=performance.now();for(let i=0;i<6;i++)await sess[k].run({ids,mask});(res[k]??=[]).push(32*6/((performance.now()-t)/1000))}
for(const k in res){const s=res[k].sort((a:number,b:number)=>a-b);console.log(k,Math.round(s[6]),Math.round(s[0]),Math.round(s[11]))}
