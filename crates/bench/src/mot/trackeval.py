"""What TrackEval says of results, as JSON: python trackeval.py GROUND_TRUTH_FOLDER RESULTS_FOLDER. Used by tests.rs."""
import sys,json,os,io,contextlib
import numpy as np
gt,tr=sys.argv[1],sys.argv[2]
with contextlib.redirect_stdout(io.StringIO()):
    import trackeval
    seqs={}
    for d in sorted(os.listdir(gt)):
        ini=os.path.join(gt,d,'seqinfo.ini')
        n=[int(l.split('=')[1]) for l in open(ini) if l.startswith('seqLength')][0]
        seqs[d]=n
    cfg=trackeval.datasets.MotChallenge2DBox.get_default_dataset_config()
    cfg.update(GT_FOLDER=gt,TRACKERS_FOLDER=tr,TRACKERS_TO_EVAL=['t'],SKIP_SPLIT_FOL=True,SEQ_INFO=seqs,PRINT_CONFIG=False,BENCHMARK='MOT17',TRACKER_SUB_FOLDER='')
    ds=trackeval.datasets.MotChallenge2DBox(cfg)
    ms=[trackeval.metrics.HOTA(),trackeval.metrics.CLEAR({'PRINT_CONFIG':False}),trackeval.metrics.Identity({'PRINT_CONFIG':False})]
    out={}; per=[{},{},{}]
    for s in seqs:
        data=ds.get_preprocessed_seq_data(ds.get_raw_seq_data('t',s),'pedestrian')
        for i,m in enumerate(ms): per[i][s]=m.eval_sequence(data)
    def row(r): return dict(hota=100*float(np.mean(r[0]['HOTA'])),deta=100*float(np.mean(r[0]['DetA'])),assa=100*float(np.mean(r[0]['AssA'])),mota=100*float(r[1]['MOTA']),idf1=100*float(r[2]['IDF1']))
    for s in seqs: out[s]=row([p[s] for p in per])
    out['COMBINED']=row([m.combine_sequences(p) for m,p in zip(ms,per)])
print(json.dumps(out))
