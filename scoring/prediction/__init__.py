"""What the next call will bring: success and latency, for one caller and for the whole audience.

``predictor`` is the whole; ``evidence`` what is remembered, ``contexts`` and ``mixing`` how it becomes a probability.
"""

from scoring.prediction.calls import Calls, Outcomes
from scoring.prediction.predictor import Predictions, Predictor

__all__ = ["Calls", "Outcomes", "Predictions", "Predictor"]
