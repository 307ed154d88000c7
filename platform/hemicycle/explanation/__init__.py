"""Why a model recommends what it does: shares of scores, lists without an attitude, edges that matter."""
