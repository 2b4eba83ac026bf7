"""What the next call will bring: success and latency, for one caller and for the whole audience.

``predictor`` is the whole; ``evidence`` what is remembered, ``contexts`` and ``mixing`` how it becomes a probability.
"""

from scoring.prediction.calls import Calls, Outcomes
from scoring.prediction.grounds import Grounds, Predictions
from scoring.prediction.predictor import Predictor
from scoring.prediction.rolling import Forecast, Heard, Rolling

__all__ = ["Calls", "Forecast", "Grounds", "Heard", "Outcomes", "Predictions", "Predictor", "Rolling"]
