"""A golden event file by TensorBoard's own code, for test/conformance/event-file.test.ts. Run with `pip install tensorboard`:

    python3 test/conformance/tensorboard/make_golden.py

Writes events.out.tfevents.golden with TensorBoard 2.21: version, a scalar, two scalars, a histogram, a text, a restart.
"""
import os
import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2
from tensorboard.compat.proto.histogram_pb2 import HistogramProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.summary.writer.record_writer import RecordWriter

HERE = os.path.dirname(os.path.abspath(__file__))
AT = 1_760_000_000.25
Value = summary_pb2.Summary.Value


def values(step, *given):
    return event_pb2.Event(wall_time=AT, step=step, summary=summary_pb2.Summary(value=given))


def histogram(data):
    data = np.array(data, dtype=np.float32).astype(np.float64)
    counts, edges = np.histogram(data, bins=30)
    return HistogramProto(min=data.min(), max=data.max(), num=data.size, sum=data.sum(),
                          sum_squares=(data * data).sum(), bucket_limit=edges[1:], bucket=counts)


text = tensor_pb2.TensorProto(dtype=DT_STRING, string_val=['# Größe\n\n量 **fett**'.encode()])
text.tensor_shape.dim.add(size=1)
metadata = summary_pb2.SummaryMetadata()
metadata.plugin_data.plugin_name = 'text'

with open(os.path.join(HERE, 'events.out.tfevents.golden'), 'wb') as file:
    writer = RecordWriter(file)
    for event in [
        event_pb2.Event(wall_time=AT, file_version='brain.Event:2'),
        values(10, Value(tag='loss', simple_value=0.1)),
        values(300, Value(tag='loss', simple_value=-2.5), Value(tag='MRR@10', simple_value=0.75)),
        # From 2 to 32, so that every edge is a whole number.
        values(300, Value(tag='parameter/w', histo=histogram([2, 2.5, 3.25, 7, 7.5, 31, 31.5, 32]))),
        values(2**40, Value(tag='recipe', tensor=text, metadata=metadata)),
        event_pb2.Event(wall_time=AT, step=301, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START)),
    ]:
        writer.write(event.SerializeToString(deterministic=True))
    writer.flush()
